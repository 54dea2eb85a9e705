import { Http1Backend } from "../../http/http1/backend.ts";
import type { Output } from "../../http/http1/output.ts";
import { Http1RequestWriter } from "../../http/http1/request-writer.ts";
import type { HeadEdits, RequestHead } from "../../http/message.ts";
import type { HeadLimits } from "../../http/scan.ts";
import type { PlacedBackend } from "../../model/backend.ts";
import { useUpstream } from "../sockets/events.ts";
import { SocketOwner } from "../sockets/owner.ts";
import { withRoom } from "../sockets/read-buffer.ts";
import { writeLent } from "../sockets/writes.ts";
import type { RequestUpstream, UpstreamUser } from "./request-upstream.ts";
import type { Upstream } from "./upstream.ts";

/** The keeper of a connection that nobody uses. */
export interface Keeper {
  /** It is of no use any more. */
  forget(connection: Http1Upstream): void;
}

/** One connection to a backend that speaks HTTP/1.1: requests one after the other, from different users. */
export class Http1Upstream extends SocketOwner implements Output, RequestUpstream {
  readonly upstream: Upstream;
  /** Whether a byte of the present response came. */
  heard = false;
  /** Whether it has served a request before the present one. */
  isReused = false;
  readonly mayRefuse = false;
  readonly takesTunnels = true;
  readonly #reader: Http1Backend;
  readonly #writer: Http1RequestWriter;
  #user: UpstreamUser | undefined = undefined;
  #keeper: Keeper | undefined = undefined;

  /** Becomes the owner of the upstream's socket. @param upstream connected. */
  constructor(upstream: Upstream, limits: HeadLimits) {
    super();
    this.upstream = upstream;
    this.#reader = new Http1Backend(limits);
    this.#writer = new Http1RequestWriter(this);
    upstream.socket.owner = this;
    useUpstream(upstream.socket, upstream.securing);
  }

  /** @param follows as in {@link Http1RequestWriter.request}. */
  request(user: UpstreamUser, head: RequestHead, follows: boolean, edits: HeadEdits): void {
    this.heard = false;
    this.#user = user;
    this.#reader.begin(head.method, head.upgrade, user);
    this.#writer.request(head, follows, edits);
  }

  get requestBody(): Http1RequestWriter {
    return this.#writer;
  }

  get backend(): PlacedBackend {
    return this.upstream.backend;
  }

  get secure(): boolean {
    return this.upstream.securing;
  }

  get relayed(): Upstream {
    return this.upstream;
  }

  resume(): void {
    this.upstream.socket.resume();
  }

  endTunnel(): void {
    this.close();
  }

  /** Whether another request may follow, now that its user has the end of a response. */
  get isIdle(): boolean {
    return this.#reader.state === "idle" && !this.upstream.socket.destroyed;
  }

  /** Nobody uses it until the next request. */
  rest(keeper: Keeper): void {
    this.#user = undefined;
    this.#keeper = keeper;
    this.isReused = true;
    // Whoever waited for a client left it paused.
    this.upstream.socket.resume();
  }

  /** It is used again. */
  wake(): void {
    this.#keeper = undefined;
  }

  /** Nobody wants more of it: what it still says is not heard. */
  abandon(): void {
    this.#user = undefined;
    this.#keeper = undefined;
    this.#reader.abandon();
  }

  /** Closes it: its last response was complete. */
  leave(): void {
    this.abandon();
    this.upstream.close();
  }

  text(text: string): void {
    this.upstream.socket.write(text, "latin1");
  }

  bytes(bytes: Buffer, start: number, end: number): boolean {
    return writeLent(this.upstream.socket, bytes, start, end);
  }

  close(): void {
    this.upstream.socket.end();
  }

  reset(): void {
    this.upstream.reset();
  }

  override upstreamBytes(length: number, buffer: Uint8Array): boolean {
    const { bytes, start, end } = withRoom(length, buffer);
    // Idle connections have nothing to say; the end of a response may make it idle meanwhile.
    const keeper = this.#keeper;
    this.heard = true;
    const accepts = this.#reader.receive(bytes, start, end);
    keeper?.forget(this);
    return accepts;
  }

  override upstreamDrained(): void {
    this.#user?.drained();
  }

  override upstreamEnded(): void {
    const keeper = this.#keeper;
    this.#reader.ended();
    keeper?.forget(this);
  }

  override upstreamFailed(): void {
    this.#gone();
  }

  override upstreamClosed(): void {
    this.#gone();
  }

  #gone(): void {
    const user = this.#user;
    this.#user = undefined;
    this.#reader.abandon();
    user?.broke();
    this.#keeper?.forget(this);
  }
}
