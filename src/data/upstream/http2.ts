import type { CounterMemory } from "../../channel/counters.ts";
import { ClientConnection } from "../../http/http2/client-connection.ts";
import type { ClientStream, ResponseUser } from "../../http/http2/client-stream.ts";
import type { ConnectionOwner } from "../../http/http2/connection.ts";
import { backendSideLimits, type ConnectionLimits } from "../../http/http2/limits.ts";
import { type ConnectionError, codeName } from "../../http/http2/protocol.ts";
import type { HeadEdits, RequestHead } from "../../http/message.ts";
import type { PlacedBackend } from "../../model/backend.ts";
import type { ConnectFailure } from "../../model/connect-failures.ts";
import type { PoolHttp } from "../../model/http/backend.ts";
import { clock } from "../clock.ts";
import { useUpstream } from "../sockets/events.ts";
import { borrowBuffer, type Flushing, flushSoon, giveBack } from "../sockets/flushes.ts";
import { SocketOwner } from "../sockets/owner.ts";
import { withRoom } from "../sockets/read-buffer.ts";
import type { Dial } from "./dial.ts";
import { BackendStream, type StreamCarrier, type StreamWaiter } from "./http2-stream.ts";
import { SharedCounts } from "./shared-counts.ts";
import { Upstream } from "./upstream.ts";
import type { Wiring } from "./wiring.ts";

/** The keeper of the connections of a worker. */
export interface Carriers {
  /** It is over. */
  gone(connection: Http2Upstream): void;
  /** The same, because the backend has chosen HTTP/1.1. */
  declined(connection: Http2Upstream): void;
}

/**
 * How far a connection has come. `connect` is until TCP and TLS are there, `greet` until the backend's SETTINGS have
 * come: a request before them might find fewer streams than it takes, or nobody who speaks HTTP/2.
 */
type Phase = "connect" | "greet" | "ready" | "over";

/** A backend that says nothing at all while a request waits for it is asked whether it is there; in milliseconds. */
const longestSilence = 10_000;
/** How long it has to answer that, in milliseconds. */
const longestPing = 10_000;

/**
 * One connection to a backend that speaks HTTP/2, from the begin of connecting: many requests of many clients at a time
 * (RFC 9113). Requests that come before it is ready wait for it.
 */
export class Http2Upstream extends SocketOwner implements ConnectionOwner, StreamCarrier, Flushing {
  readonly upstream: Upstream;
  readonly secure: boolean;
  awaitsFlush = false;
  isBroken = false;
  readonly #http: PoolHttp;
  readonly #timeout: number;
  readonly #carriers: Carriers;
  readonly #waiting = new Set<BackendStream>();
  readonly #counts = new SharedCounts();
  #phase: Phase = "connect";
  #engine: ClientConnection | undefined = undefined;
  /** The socket takes more. */
  #hasRoom = true;
  /** No request is left, and none is taken. */
  #isFinished = false;
  readonly #began = clock.now;
  /** When it had a request last; by {@link clock}. */
  #busyAt = clock.now;
  /** Since when a request waits and nothing at all has come; by {@link clock}. */
  #silentSince: number | undefined = undefined;

  constructor(dial: Dial, backend: PlacedBackend, wiring: Wiring, carriers: Carriers) {
    super();
    const { definition } = wiring;
    this.secure = wiring.sharedTls !== undefined;
    this.#http = definition.http;
    this.#timeout = definition.connect.timeout;
    this.#carriers = carriers;
    this.upstream = new Upstream(dial, backend, wiring, this, true);
  }

  get isReady(): boolean {
    return this.#phase === "ready";
  }

  get takesTunnels(): boolean {
    return this.#engine!.takesTunnels;
  }

  get hasFailed(): boolean {
    return this.#engine?.failure !== undefined;
  }

  /** The most requests that the backend takes at a time; undefined: it has not said so yet. */
  get mostStreams(): number | undefined {
    return this.isReady ? this.#engine!.peer.maxStreams : undefined;
  }

  /** How many requests are under way on it. */
  get streams(): number {
    return this.#engine?.count ?? 0;
  }

  /** Counts what its backend's metrics tell of it, since the last time. */
  count(counters: CounterMemory): void {
    if (this.#engine !== undefined) this.#counts.add(counters, this.upstream.backend.counters, this.#engine);
  }

  /** How many more requests it takes. @param assumed that many in all, as long as the backend has not said anything. */
  room(assumed: number): number {
    if (this.#phase === "over") return 0;
    return this.isReady ? this.#engine!.room : Math.max(1, assumed) - this.#waiting.size;
  }

  /** A place for a request, for which there is {@link room}; the waiter is told of it unless it is ready. */
  join(waiter: StreamWaiter): BackendStream {
    const stream = new BackendStream(this, waiter);
    if (!this.isReady) this.#waiting.add(stream);
    return stream;
  }

  withdraw(stream: BackendStream): void {
    this.#waiting.delete(stream);
  }

  begin(head: RequestHead, last: boolean, user: ResponseUser, edits: HeadEdits): ClientStream {
    this.#busyAt = clock.now;
    this.#silentSince ??= clock.now;
    return this.#engine!.request(head, last, user, edits);
  }

  override upstreamConnected(): void {
    const { upstream } = this;
    if (upstream.secure()) return;
    if (this.secure && upstream.agreedOn !== "h2") {
      this.#declined();
      return;
    }
    this.#phase = "greet";
    useUpstream(upstream.socket, upstream.securing);
    this.#engine = new ClientConnection(limitsOf(this.#http), this, clock.now);
    flushSoon(this);
  }

  #declined(): void {
    if (this.#http.version !== "auto") {
      this.#miss("http2", "ALPN agreed on something else");
      return;
    }
    let upstream: Upstream | undefined = this.upstream;
    this.#phase = "over";
    this.#carriers.declined(this);
    if (this.#waiting.size === 0) this.upstream.close();
    for (const { waiter } of this.#takeWaiting()) {
      waiter.declined(upstream);
      upstream = undefined;
    }
  }

  /** Nobody waits any more. @returns those who did. */
  #takeWaiting(): BackendStream[] {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    return waiting;
  }

  /** It is not connected, and will not be. */
  #miss(failure: ConnectFailure, detail: string): void {
    const waiting = this.#takeWaiting();
    this.#leave();
    for (const [index, { waiter }] of waiting.entries()) waiter.missed(failure, detail, index === 0);
  }

  /** @returns false to read no more: the backend does not take what it makes this side say. */
  override upstreamBytes(length: number, buffer: Uint8Array): boolean {
    const { bytes, start, end } = withRoom(length, buffer);
    const engine = this.#engine!;
    this.#silentSince = undefined;
    engine.receive(bytes, start, end, clock.now);
    if (this.#phase === "greet" && engine.begun) this.#open(engine);
    return !engine.congested;
  }

  /** Waiters that find no room, because the backend takes fewer requests than was assumed, ask again. */
  #open(engine: ClientConnection): void {
    if (engine.room === 0) {
      this.#miss("http2", "it takes no requests");
      return;
    }
    this.#phase = "ready";
    for (const [index, { waiter }] of this.#takeWaiting().entries()) {
      if (engine.room > 0) waiter.opened(index === 0);
      else waiter.declined(undefined);
    }
  }

  borrow(): Buffer {
    return borrowBuffer();
  }

  wantsFlush(): void {
    flushSoon(this);
  }

  failed({ code, message }: ConnectionError): void {
    const isHttp2 = this.#engine!.begun;
    if (this.#phase === "greet")
      this.#miss("http2", isHttp2 ? `${codeName(code)}: ${message}` : "its first bytes are not HTTP/2");
    else this.finished();
  }

  finished(): void {
    this.#isFinished = true;
    flushSoon(this);
  }

  flush(): void {
    const { socket } = this.upstream;
    if (this.#phase === "over" || socket.destroyed) return;
    socket.cork();
    while (this.#hasRoom) {
      const bytes = this.#engine!.take();
      if (bytes === undefined) break;
      this.#hasRoom = socket.write(bytes, (error) => {
        if (error === undefined || error === null) giveBack(bytes);
      });
    }
    socket.uncork();
    if (!this.#hasRoom) return;
    if (this.#isFinished) this.#leave();
    else if (socket.isPaused()) socket.resume();
  }

  override upstreamDrained(): void {
    this.#hasRoom = true;
    this.flush();
  }

  override upstreamEnded(): void {
    if (this.#phase === "greet") this.#miss("http2", "it closed the connection");
    else this.#lost();
  }

  override upstreamFailed(error: NodeJS.ErrnoException): void {
    if (this.#phase === "ready") this.#broke();
    else this.#miss(this.upstream.failureOf(error), error.code ?? error.message);
  }

  override upstreamClosed(): void {
    if (this.#phase === "greet") this.#miss("http2", "it closed the connection");
    else this.#broke();
  }

  #broke(): void {
    this.isBroken = true;
    this.#lost();
  }

  /** The requests under way are cut short. */
  #lost(): void {
    if (this.#phase === "over") return;
    const engine = this.#engine!;
    this.#leave();
    engine.closed();
  }

  /** @param now by performance.now(). */
  endIfOverdue(now: number): void {
    if (this.#phase === "ready") this.#watch(now, this.#engine!);
    else if (now - this.#began > this.#timeout) {
      const { overdueAs } = this.upstream;
      if (this.#phase === "greet") this.#miss("http2", "no SETTINGS came in time");
      else this.#miss(overdueAs, overdueAs);
    }
  }

  #watch(now: number, engine: ClientConnection): void {
    engine.sweep(now);
    if (engine.count > 0) this.#busyAt = now;
    const { waitingSince } = engine.pings;
    if (waitingSince !== undefined && now - waitingSince > longestPing) this.#broke();
    else if (engine.count === 0 && (engine.room === 0 || now - this.#busyAt > this.#http.sharedIdle))
      this.#leave();
    else if (waitingSince === undefined && this.#isSilent(now)) engine.pings.send(now);
  }

  /**
   * Once for each silence, and only where an answer is due: servers of gRPC end a connection that asks them too often
   * while they have nothing to say.
   */
  #isSilent(now: number): boolean {
    if (this.#silentSince === undefined || now - this.#silentSince <= longestSilence) return false;
    this.#silentSince = undefined;
    return true;
  }

  /** Takes no more requests; the present ones go on, and those that wait for it. */
  drain(): void {
    if (this.isReady) this.#engine!.drain();
    else if (this.#waiting.size === 0) this.#leave();
  }

  /** Ends it with all that is under way on it. */
  end(): void {
    if (this.isReady) this.#broke();
    else this.#miss("drained", "drained");
  }

  /** Closes it. */
  #leave(): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    this.#carriers.gone(this);
    // A backend that broke a rule is to read which.
    if (this.hasFailed) this.upstream.reset(true);
    else this.upstream.close();
  }
}

/** The connection's window is as large as those of its streams together: see {@link backendSideLimits}. */
const limitsOf = ({ maxResponseHead: size }: PoolHttp): ConnectionLimits => ({
  ...backendSideLimits,
  head: { ...backendSideLimits.head, size },
});
