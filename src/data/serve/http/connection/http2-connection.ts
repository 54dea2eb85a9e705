import { type ConnectionError, codeName, errorCode } from "../../../../http/http2/protocol.ts";
import { ServerConnection, type ServerOwner } from "../../../../http/http2/server-connection.ts";
import type { RequestUser, ServerStream } from "../../../../http/http2/server-stream.ts";
import { Crowd, outside } from "../../../../lib/crowd.ts";
import type { Chain } from "../../../../model/chain.ts";
import type { HttpFront } from "../../../../model/http/front.ts";
import type { WorkerSession } from "../../../../model/open-session.ts";
import { type EndReason, requestReasonOf } from "../../../../model/reasons.ts";
import { clock } from "../../../clock.ts";
import type { Open } from "../../../open.ts";
import { serveClient } from "../../../sockets/events.ts";
import { borrowBuffer, type Flushing, flushSoon, giveBack } from "../../../sockets/flushes.ts";
import { type OwnedSocket, SocketOwner } from "../../../sockets/owner.ts";
import { withRoom } from "../../../sockets/read-buffer.ts";
import { retirementOf } from "../../retirement.ts";
import type { HttpConnection } from "../client.ts";
import { LastForwarded } from "../forwarded.ts";
import type { HttpFrontend } from "../frontend.ts";
import type { HttpPlane } from "../plane.ts";
import { ClientWatch } from "./client-watch.ts";
import { Http2Counts } from "./http2-counts.ts";
import { Http2Request, type RequestConnection } from "./http2-request.ts";
import { LastWords } from "./last-words.ts";
import { Traffic } from "./traffic.ts";

/** Connections of a process that drains are told within this time, in milliseconds, so that clients do not come back all at once. */
const drainSpread = 2_000;

/** How long a client has to answer before no more of its requests are taken, in milliseconds. */
const longestFarewell = 1_000;

/** A client's connection that speaks HTTP/2: moves bytes between its socket and the engine, and ends it in time. */
export class Http2Connection extends SocketOwner implements Open, ServerOwner, RequestConnection, Flushing {
  readonly connection: HttpConnection;
  readonly frontend: HttpFrontend;
  readonly forwarded = new LastForwarded();
  awaitsFlush = false;
  place = outside;
  readonly #plane: HttpPlane;
  readonly #client: OwnedSocket;
  readonly #engine: ServerConnection;
  readonly #requests = new Crowd<Http2Request>();
  readonly #traffic: Traffic;
  /** The socket takes more. */
  #hasRoom = true;
  /** No request is left, and none is taken: it ends when all is written. Since when, by {@link clock}. */
  #endsSince: number | undefined = undefined;
  #failure: ConnectionError | undefined = undefined;
  #lastWords: LastWords | undefined = undefined;
  /** Since when it has no request; by {@link clock}. */
  #idleSince = clock.now;
  /** When it is too old for more requests, by performance.now(). */
  readonly #retiresAt: number;
  /** When the client is told, where it is to leave, and since when it is; by performance.now(). */
  #tellsAt: number | undefined = undefined;
  #toldAt: number | undefined = undefined;
  /** When something came last, by {@link clock}. */
  #heardAt = clock.now;
  /** How long the client may take nothing of what waits for it, in milliseconds. */
  readonly #longestStall: number;
  readonly #watch: ClientWatch;
  readonly #counts: Http2Counts;

  /** @param chain that was chosen. */
  constructor(plane: HttpPlane, connection: HttpConnection, chain: Chain, frontend: HttpFrontend) {
    super();
    const { client, tls } = connection;
    const { maxAge, limits } = frontend.front;
    this.#plane = plane;
    this.connection = connection;
    this.#traffic = new Traffic(plane, connection);
    this.frontend = frontend;
    this.#client = client;
    this.#longestStall = chain.timeouts.stall;
    this.#watch = new ClientWatch(connection);
    this.#counts = new Http2Counts(plane.counters, connection.listener.definition.counters);
    this.#retiresAt = retirementOf(maxAge);
    const scheme = tls === undefined ? "http" : "https";
    const terms = { scheme, tunnels: true, target: limits.target } as const;
    this.#engine = new ServerConnection(frontend.http2, terms, this, clock.now);
    plane.open.add(this);
    serveClient(client, this);
  }

  override clientBytes(length: number, buffer: Uint8Array): void {
    if (this.#lastWords !== undefined) {
      this.#lastWords.drop(length);
      return;
    }
    this.#heardAt = clock.now;
    this.#traffic.came(length);
    const { bytes, start, end } = withRoom(length, buffer);
    this.#engine.receive(bytes, start, end, clock.now);
    if (this.#engine.congested) this.#client.pause();
  }

  request(stream: ServerStream): RequestUser {
    const nth = ++this.#traffic.requests;
    this.#counts.begin();
    if (nth === this.frontend.front.maxRequests) this.#tell(performance.now());
    if (this.#requests.size > 0) this.#countLoad(1);
    const request = new Http2Request(this.#plane, this, stream, nth === 1);
    this.#requests.add(request);
    return request;
  }

  forget(request: Http2Request): void {
    if (!this.#requests.delete(request)) return;
    this.#counts.over();
    if (this.#requests.size > 0) this.#countLoad(-1);
    else this.#idleSince = clock.now;
  }

  /** A request that is not its connection's only one is as much to do as another connection. */
  #countLoad(change: number): void {
    const { shared, worker } = this.#plane;
    Atomics.add(shared.workerOpen, worker, change);
  }

  borrow(): Buffer {
    return borrowBuffer();
  }

  wantsFlush(): void {
    flushSoon(this);
  }

  failed(error: ConnectionError): void {
    if (this.#failure === undefined) this.#counts.failed(error);
    this.#failure ??= error;
    this.finished();
  }

  finished(): void {
    this.#endsSince ??= clock.now;
    flushSoon(this);
  }

  flush(): void {
    const client = this.#client;
    if (this.#lastWords !== undefined || client.destroyed) return;
    client.cork();
    let bytes = this.#hasRoom ? this.#engine.take() : undefined;
    while (bytes !== undefined) {
      this.#write(bytes);
      bytes = this.#hasRoom ? this.#engine.take() : undefined;
    }
    client.uncork();
    if (!this.#hasRoom) return;
    if (this.#endsSince !== undefined) this.#lastWords = new LastWords(client);
    else if (client.isPaused()) client.resume();
  }

  #write(bytes: Buffer): void {
    this.#traffic.went(bytes.length);
    this.#hasRoom = this.#client.write(bytes, (error) => {
      if (error === undefined || error === null) giveBack(bytes);
    });
  }

  override clientDrained(): void {
    this.#hasRoom = true;
    this.flush();
  }

  /** Without more of the client there is no credit for what waits, so that only a connection without requests ends well. */
  override clientEnded(): void {
    if (this.#lastWords !== undefined) this.#lastWords.clientEnded();
    else if (this.#engine.count > 0) this.end("client_reset");
    else this.finished();
  }

  override clientFailed(): void {
    this.end(this.#lastWords === undefined ? "client_reset" : this.#endReason);
  }

  override clientClosed(): void {
    this.clientFailed();
  }

  get #endReason(): EndReason {
    return this.#failure === undefined ? this.#lastWords!.reason : "http2_error";
  }

  endIfOverdue(now: number): void {
    this.#counts.add(this.#engine);
    const { idle } = this.frontend.front.timeouts;
    const end = this.#watch.look(now, this.#longestStall);
    if (end !== undefined) {
      this.end(end);
      return;
    }
    if (this.#watch.takes) this.#clientTakes(now);
    if (this.#lastWords !== undefined) {
      if (this.#lastWords.isOverdue(now, idle)) this.end("client_reset");
    } else if (this.#endsSince !== undefined) {
      if (now - this.#endsSince > idle) this.end("client_reset");
    } else {
      this.#engine.sweep(now);
      if (this.#isLost(now)) {
        this.end("ping_timeout");
        return;
      }
      for (const request of this.#requests) request.endIfOverdue(now);
      this.#leaveIfDue(now);
    }
  }

  /** Asks a client that says nothing whether it is there. @returns whether it has not answered in time. */
  #isLost(now: number): boolean {
    const { ping } = this.frontend.front.http2;
    if (ping === undefined) return false;
    const { pings } = this.#engine;
    const { waitingSince } = pings;
    if (waitingSince !== undefined) return now - Math.max(waitingSince, this.#heardAt) > ping.timeout;
    if (now - this.#heardAt > ping.interval) pings.send(now);
    return false;
  }

  /** Slowly, but it takes what waits: nothing is overdue for that. */
  #clientTakes(now: number): void {
    for (const { exchange } of this.#requests) exchange.clientTakes();
    if (this.#endsSince !== undefined) this.#endsSince = now;
    this.#lastWords?.clientTakes(now);
  }

  #leaveIfDue(now: number): void {
    const { requestHeader, keepAlive } = this.frontend.front.timeouts;
    const quiet = this.#requests.size > 0 ? 0 : now - this.#idleSince;
    if (!this.#engine.begun && quiet > requestHeader)
      this.#engine.abort(errorCode.settingsTimeout, "no SETTINGS came");
    else if (this.#toldAt !== undefined) {
      if (now - this.#toldAt > longestFarewell) this.#engine.drain();
      // No request of it chooses a pool any more.
      if (this.#engine.takesNone) this.connection.decided();
    } else if (
      quiet > keepAlive ||
      now > this.#retiresAt ||
      now > (this.#tellsAt ?? Number.POSITIVE_INFINITY)
    )
      this.#tell(now);
    else if (this.#plane.isDraining || this.connection.listener.isRetired)
      this.#tellsAt ??= now + Math.random() * drainSpread;
  }

  /** The client is to make no more requests. @param now by performance.now(). */
  #tell(now: number): void {
    this.#toldAt = now;
    this.#engine.drain();
  }

  vacate(slot: number): void {
    for (const request of this.#requests) request.vacate(slot);
  }

  get number(): number {
    return this.connection.number;
  }

  tell(now: number): WorkerSession {
    const isClosing = this.#lastWords !== undefined || this.#endsSince !== undefined;
    const state = isClosing ? "closing" : this.#requests.size > 0 ? "requests" : "idle";
    const exchanges = [...this.#requests].map(({ exchange }) => exchange);
    return this.#traffic.tell(state, exchanges, now);
  }

  /** Ends now, whatever is under way. */
  end(reason: EndReason): void {
    if (!this.#plane.open.delete(this)) return;
    for (const request of this.#requests) request.abandon(requestReasonOf(reason, "client_reset"));
    this.#engine.closed();
    this.#counts.add(this.#engine);
    const failure = this.#failure;
    this.#traffic.log(reason, this.connection.close(reason), {
      glitches: this.#engine.budget.seen,
      httpError: failure === undefined ? "" : `${codeName(failure.code)}: ${failure.message}`,
    });
  }
}

/** With TLS by what was agreed on (RFC 9113 section 3.2), else where the listener has no other version. */
export function speaksHttp2({ tls }: Pick<HttpConnection, "tls">, { versions }: HttpFront): boolean {
  const [first, second] = versions;
  if (second === undefined) return first === "2";
  return tls?.alpn === "h2";
}
