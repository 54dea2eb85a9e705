import { type Fault, responseFaults } from "../fault.ts";
import {
  type BodyReceiver,
  type RequestHead,
  type ResponseHead,
  type ResponseReceiver,
  unknownLength,
} from "../message.ts";
import type { Connection } from "./connection.ts";
import type { HeaderBlock } from "./header-block.ts";
import type { Delivery } from "./inbox.ts";
import { errorCode } from "./protocol.ts";
import { readResponse } from "./response-rules.ts";
import { Stream, type StreamUser } from "./stream.ts";
import { readTrailers } from "./trailers.ts";

/** Gets the response of a backend, and hears of what becomes of its request. */
export interface ResponseUser extends ResponseReceiver, StreamUser {}

/** Interim answers that come before the final one at most. */
const mostInterim = 8;

/** One request to a backend, and its response. */
export class ClientStream extends Stream implements BodyReceiver {
  protected readonly user: ResponseUser;
  readonly #request: RequestHead;
  #answered = false;
  #interim = 0;

  constructor(connection: Connection, id: number, request: RequestHead, user: ResponseUser) {
    super(connection, id);
    this.#request = request;
    this.user = user;
  }

  protected get cutShort(): Fault {
    return responseFaults.cut_short;
  }

  /** Behind the head of the response, and not where there is no body. */
  get takesData(): boolean {
    return this.#answered;
  }

  /** The request is cut short, and so the backend must see it. */
  fail(_fault: Fault): void {
    this.cancel(errorCode.cancel);
  }

  headers(block: HeaderBlock, last: boolean): void {
    if (this.#answered) this.#trailers(block, last);
    else if (block.tooLarge) this.error(errorCode.cancel, responseFaults.head_too_large);
    else {
      const head = readResponse(block, last, this.#request.method);
      if (head === undefined || (head.status < 200 && last))
        this.error(errorCode.protocol, responseFaults.bad_status);
      else if (head.status < 200) this.#takeInterim(head);
      else this.#takeFinal(head, last);
    }
  }

  #takeInterim(head: ResponseHead): void {
    if (++this.#interim > mostInterim) this.error(errorCode.calm, responseFaults.too_many_interim);
    else this.connection.inbox.push(this, deliverInterim, head);
  }

  #takeFinal(head: ResponseHead, last: boolean): void {
    this.#answered = true;
    const switches = this.#request.upgrade !== "" && head.status >= 200 && head.status < 300;
    this.expected = switches ? unknownLength : head.length;
    this.connection.inbox.push(this, switches ? deliverSwitched : deliverFinal, head);
    if (last) this.takeEnd(undefined);
  }

  #trailers(block: HeaderBlock, last: boolean): void {
    const trailers = readTrailers(block);
    if (!last || trailers === undefined) this.error(errorCode.protocol);
    else this.takeEnd(trailers);
  }

  /** A complete response stays one, whatever the backend says of the request (RFC 9113 section 8.1). */
  resetByPeer(): void {
    if (this.received) {
      this.outgoing.drop();
      this.connection.forget(this);
    } else if (this.resetCode === errorCode.refused && !this.#answered) this.cut(responseFaults.not_read);
    else {
      // Behind what came of the response before it, perhaps in the same read.
      this.received = true;
      this.connection.inbox.push(this, deliverReset);
    }
  }

  /** The part of the response that came goes to the user, before it hears that the rest is missing. */
  override cut(fault = this.cutShort): void {
    const held = this.gone ? undefined : this.incoming.copyHeld();
    if (held !== undefined) this.connection.inbox.push(this, deliverHeld, held);
    super.cut(fault);
  }

  deliverHeld(held: Buffer): void {
    this.user.body(held, 0, held.length, false);
  }

  sent(): void {
    this.endIfDone();
  }

  deliverInterim(head: ResponseHead): void {
    if (!this.gone) this.user.interim(head);
  }

  /** Status 200 means here what 101 means in HTTP/1 (RFC 8441 section 5). */
  deliverSwitched({ fields }: ResponseHead): void {
    if (!this.gone) this.user.switched({ status: 101, phrase: "", fields, length: unknownLength });
  }

  deliverFinal(head: ResponseHead, follows: boolean): void {
    if (!this.gone) this.user.response(head, follows);
  }
}

const deliverReset: Delivery = ({ stream }) => stream.cut(responseFaults.stream_reset);
const deliverHeld: Delivery = ({ stream, content }) =>
  (stream as ClientStream).deliverHeld(content as Buffer);
const deliverInterim: Delivery = ({ stream, content }) =>
  (stream as ClientStream).deliverInterim(content as ResponseHead);
const deliverSwitched: Delivery = ({ stream, content }) =>
  (stream as ClientStream).deliverSwitched(content as ResponseHead);
const deliverFinal: Delivery = ({ stream, content }, _bytes, follows) =>
  (stream as ClientStream).deliverFinal(content as ResponseHead, follows);
