import { type Fault, responseFaults } from "../../http/fault.ts";
import type { ClientStream, ResponseUser } from "../../http/http2/client-stream.ts";
import type {
  BodyReceiver,
  Fields,
  HeadEdits,
  RequestHead,
  ResponseHead,
  ResponseReceiver,
} from "../../http/message.ts";
import type { PlacedBackend } from "../../model/backend.ts";
import type { ConnectFailure } from "../../model/connect-failures.ts";
import type { RequestUpstream, UpstreamUser } from "./request-upstream.ts";
import type { Upstream } from "./upstream.ts";

/** The owner of a request that waits for a connection, perhaps with others. One of the three is called, once. */
export interface StreamWaiter {
  /** The connection takes its request. @param isFirst of those that waited: for the connection is counted once. */
  opened(isFirst: boolean): void;
  /**
   * The backend has chosen HTTP/1.1 (ALPN), where requests share no connection.
   * @param upstream is this waiter's alone; undefined: another one has it.
   */
  declined(upstream: Upstream | undefined): void;
  /** The backend could not be connected. @param isFirst as in {@link StreamWaiter.opened}. */
  missed(failure: ConnectFailure, detail: string, isFirst: boolean): void;
}

/** The connection of a stream. */
export interface StreamCarrier {
  readonly upstream: Upstream;
  readonly secure: boolean;
  /** It takes requests. */
  readonly isReady: boolean;
  readonly takesTunnels: boolean;
  /** It is reset, or its backend has vanished. */
  readonly isBroken: boolean;
  /** Its backend broke a rule of HTTP/2. */
  readonly hasFailed: boolean;
  begin(head: RequestHead, last: boolean, user: ResponseUser, edits: HeadEdits): ClientStream;
  /** Nobody waits with that stream any more. */
  withdraw(stream: BackendStream): void;
}

/** One request's stream on a connection to a backend that speaks HTTP/2, from the time when it waits for one. */
export class BackendStream implements RequestUpstream, ResponseUser {
  readonly waiter: StreamWaiter;
  readonly isReused: boolean;
  readonly relayed = undefined;
  readonly mayRefuse = true;
  heard = false;
  readonly #carrier: StreamCarrier;
  #stream: ClientStream | undefined = undefined;
  #user: UpstreamUser | undefined = undefined;

  /** @param carrier takes requests, or is about to. */
  constructor(carrier: StreamCarrier, waiter: StreamWaiter) {
    this.#carrier = carrier;
    this.waiter = waiter;
    this.isReused = carrier.isReady;
  }

  get backend(): PlacedBackend {
    return this.#carrier.upstream.backend;
  }

  get secure(): boolean {
    return this.#carrier.secure;
  }

  get takesTunnels(): boolean {
    return this.#carrier.takesTunnels;
  }

  get isReady(): boolean {
    return this.#carrier.isReady;
  }

  request(user: UpstreamUser, head: RequestHead, _follows: boolean, edits: HeadEdits): void {
    this.#user = user;
    this.#stream = this.#carrier.begin(head, head.length === 0 && head.upgrade === "", this, edits);
  }

  get requestBody(): BodyReceiver {
    return this.#stream!;
  }

  endTunnel(): void {
    this.#stream!.end(undefined);
  }

  resume(): void {
    this.#stream?.resume();
  }

  abandon(): void {
    this.#user = undefined;
    if (this.#stream === undefined) this.#carrier.withdraw(this);
    else this.#stream.cancel();
  }

  interim(head: ResponseHead): void {
    this.#hear()?.interim(head);
  }

  response(head: ResponseHead, follows: boolean): void {
    this.#hear()?.response(head, follows);
  }

  switched(head: ResponseHead): void {
    this.#hear()?.switched(head);
  }

  body(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    return this.#user?.body(bytes, start, end, last) ?? true;
  }

  end(trailers: Fields | undefined): void {
    this.#user?.end(trailers);
  }

  /** The way in which a connection ended is said of each of its streams. */
  fail(fault: Fault): void {
    const user = this.#user;
    this.#user = undefined;
    if (fault === responseFaults.not_read) user?.refused();
    else if (this.#carrier.hasFailed) user?.fail(responseFaults.http2_error);
    else if (this.#carrier.isBroken) user?.broke();
    else user?.fail(fault);
  }

  ready(): void {
    this.#user?.drained();
  }

  #hear(): ResponseReceiver | undefined {
    this.heard = true;
    return this.#user;
  }
}
