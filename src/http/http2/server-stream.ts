import { type Fault, requestFaults } from "../fault.ts";
import type { HeadEdits, RequestHead, RequestReceiver, ResponseHead, ResponseReceiver } from "../message.ts";
import type { HeaderBlock } from "./header-block.ts";
import type { Delivery } from "./inbox.ts";
import { errorCode } from "./protocol.ts";
import type { ServerConnection } from "./server-connection.ts";
import { Stream, type StreamUser } from "./stream.ts";
import { readTrailers } from "./trailers.ts";

/** Gets a request of a client, and hears of what becomes of its response. */
export interface RequestUser extends RequestReceiver, StreamUser {}

/** One request of a client, and the response to it. */
export class ServerStream extends Stream implements ResponseReceiver {
  readonly #server: ServerConnection;
  #user: RequestUser | undefined;
  #isBodiless = false;
  #answered = false;

  constructor(server: ServerConnection, id: number) {
    super(server, id);
    this.#server = server;
  }

  protected get user(): RequestUser | undefined {
    return this.#user;
  }

  protected get cutShort(): Fault {
    return requestFaults.cut_short;
  }

  get takesData(): boolean {
    return true;
  }

  /** The request is to be reported with the end of this read. @param content a head, or what is wrong with it. */
  report(content: RequestHead | Fault, last: boolean): void {
    const isTunnel = "upgrade" in content && content.upgrade !== "";
    this.#isBodiless = last && !isTunnel;
    this.connection.inbox.push(this, "reason" in content ? deliverRefusal : deliverHead, content);
    if (last && isTunnel) this.takeEnd(undefined);
    this.received = last;
  }

  interim(head: ResponseHead, edits?: HeadEdits): void {
    if (this.outgoing.closed) return;
    this.connection.writer.headers(this.id, this.connection.heads.response(head.status, head, edits), false);
  }

  /** A response without a body goes out as one frame, and nothing more is to be said then. */
  response(head: ResponseHead, _follows: boolean, edits?: HeadEdits): void {
    if (this.outgoing.closed) return;
    this.#answered = true;
    const block = this.connection.heads.response(head.status, head, edits);
    const last = head.length === 0;
    this.connection.writer.headers(this.id, block, last);
    if (last) this.outgoing.finished();
  }

  /** The answer to what HTTP/1 calls an upgrade is 200 (RFC 8441 section 5). */
  switched(head: ResponseHead, edits?: HeadEdits): void {
    if (this.outgoing.closed) return;
    this.#answered = true;
    this.connection.writer.headers(this.id, this.connection.heads.response(200, head, edits), false);
  }

  /** The response is cut short, and so the client must see it. */
  fail(_fault: Fault): void {
    this.breakOff(errorCode.internal);
  }

  /** Trailers of the request: nothing else may follow its head. */
  headers(block: HeaderBlock, last: boolean): void {
    const trailers = readTrailers(block);
    if (!last || trailers === undefined) this.error(errorCode.protocol);
    else this.takeEnd(trailers);
  }

  resetByPeer(): void {
    if (!this.#answered) this.connection.budget.reset();
    this.cut(requestFaults.stream_reset);
  }

  /**
   * A final answer before the request's end makes the rest of that useless (RFC 9113 section 8.1), and so does the end of
   * a tunnel on the side that answers.
   */
  sent(): void {
    this.incoming.drop();
    if (this.received) this.endIfDone();
    else this.cancel(errorCode.none);
  }

  deliverRequest(head: RequestHead): void {
    if (this.gone) return;
    this.#user = this.#server.accept(this);
    this.#user.request(head, this.#isBodiless);
  }

  deliverRefusal(fault: Fault): void {
    if (this.gone) return;
    this.#user = this.#server.accept(this);
    this.incoming.drop();
    this.#user.fail(fault);
  }
}

const deliverHead: Delivery = ({ stream, content }) =>
  (stream as ServerStream).deliverRequest(content as RequestHead);
const deliverRefusal: Delivery = ({ stream, content }) =>
  (stream as ServerStream).deliverRefusal(content as Fault);
