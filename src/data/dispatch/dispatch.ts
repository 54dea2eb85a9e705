import type { CounterMemory } from "../../channel/counters.ts";
import type { SharedMemory } from "../../channel/memory.ts";
import { eventTime } from "../../lib/read-time.ts";
import type { PlacedBackend, Skipped } from "../../model/backend.ts";
import { type ConnectFailure, connectFailures } from "../../model/connect-failures.ts";
import type { EndReason } from "../../model/reasons.ts";
import { readTime } from "../clock.ts";
import { endWithoutPick, mayTry, type Wait, waitBehind } from "../decide/wait.ts";
import type { Timed } from "../open.ts";
import type { PickKey } from "../pick/picker.ts";
import { SocketOwner } from "../sockets/owner.ts";
import type { Dial } from "../upstream/dial.ts";
import type { BackendStream, StreamWaiter } from "../upstream/http2-stream.ts";
import type { ProxyVersion } from "../upstream/proxy-header.ts";
import { Upstream } from "../upstream/upstream.ts";
import type { Attempt } from "./attempt.ts";
import type { ServedPool } from "./pool.ts";
import type { Waiter } from "./queue.ts";
import { reportAnswer, reportConnected, reportConnectFailure, reportSilence } from "./report.ts";

/** The part of a worker's plane that a dispatch uses. */
export interface DispatchPlane {
  readonly shared: SharedMemory;
  readonly counters: CounterMemory;
  readonly dial: Dial;
}

/** The caller that wants an upstream, and its purpose. */
export interface DispatchOwner {
  readonly key: PickKey;
  /** Backends that are not to be picked: the same request failed on them. */
  readonly excluded: readonly PlacedBackend[];
  /** Whether another backend is tried where one can't be connected. */
  readonly triesOthers: boolean;
  /** When to have given up, by `performance.now()`; undefined: only the pool's timeouts count. */
  readonly deadline: number | undefined;
  /** Whether an answer of the backend follows what it is sent, and is told of with {@link Dispatch.answered}. */
  readonly awaitsAnswer?: boolean;
  /** A connection to this backend that is idle, and the owner's from now on; undefined: a new one is to be made. */
  borrow?(backend: PlacedBackend): Upstream | undefined;
  /** A stream on a connection to this backend, for a waiter that is told of it unless it is ready; undefined: none is shared. */
  share?(backend: PlacedBackend, waiter: StreamWaiter): BackendStream | undefined;
  /** The header that tells a pool with `proxy_protocol` of the client, ahead of TLS. */
  introduction(version: ProxyVersion): Buffer;
  /** Takes over the sockets of the upstream. Of this, `gotStream` and `ended` one is called, once, perhaps within {@link Dispatch.begin}. */
  got(upstream: Upstream): void;
  /** Takes over a stream that it shared. */
  gotStream?(stream: BackendStream): void;
  /** There is no upstream; the dispatch's `attempts` and `skipped` say more. */
  ended(reason: EndReason): void;
}

const noAttempts: readonly Attempt[] = [];

const backendOf = ({ backend }: Attempt): PlacedBackend => backend;

/**
 * Finds an upstream for a session or an exchange: pick → queue → connect → the next best. It knows neither, only who
 * asked. Whatever it has taken (a place in the queue or in the retry budget, a lease, the upstream) it has until
 * {@link drop}, which must follow.
 */
export class Dispatch extends SocketOwner implements Waiter, StreamWaiter, Timed {
  readonly pool: ServedPool;
  /** Of the present attempt, then the connected one; undefined: there is none. */
  upstream: Upstream | undefined = undefined;
  /** In the order in which they were made, the present one included. */
  attempts: readonly Attempt[] = noAttempts;
  /** How many backends the pool had at the last pick; undefined: there was none. */
  candidates: number | undefined = undefined;
  /** Backends that its picks passed over; undefined: none. */
  skipped: readonly Skipped[] | undefined = undefined;
  /** How long it waited in the pool's queue, in milliseconds. */
  queueTook = 0;
  readonly #plane: DispatchPlane;
  readonly #owner: DispatchOwner;
  /** In place of an upstream of its own. */
  #stream: BackendStream | undefined = undefined;
  #phase: "queue" | "connect" | "connected" | "ended" = "connect";
  /** Whether it has a place in the pool's retry budget. */
  #retrying = false;
  /** When the present attempt began to make a connection, or to wait for one, by performance.now(). */
  #began = 0;

  constructor(plane: DispatchPlane, pool: ServedPool, owner: DispatchOwner) {
    super();
    this.pool = pool;
    this.#plane = plane;
    this.#owner = owner;
  }

  /** Takes up an upstream; where none can be had at once, waits for one. */
  begin(): void {
    const { connect, backends } = this.pool.definition;
    const tried = this.attempts.length;
    const most = this.#owner.triesOthers ? Math.min(connect.attempts, backends.length) : 1;
    if (!mayTry(tried, most, tried > 0 && this.late(performance.now()))) {
      this.end("connect_failed");
      return;
    }
    const wait = waitBehind(tried === 0, this.pool.queue) ?? this.turn();
    if (wait !== undefined) this.join(wait);
  }

  private late(now: number): boolean {
    const { deadline } = this.#owner;
    return deadline !== undefined && now > deadline;
  }

  private join(wait: Wait): void {
    this.#phase = "queue";
    const refused = this.pool.queue.join(this, wait, this.pool.definition.queue.size);
    if (refused === undefined) return;
    this.#phase = "connect";
    this.end(refused);
  }

  get waiting(): boolean {
    return this.#phase === "queue";
  }

  /** Where each goes to a backend of its own, others may find theirs. */
  get fresh(): boolean {
    if (this.pool.definition.destination !== undefined || this.#owner.key.wish?.only === true) return false;
    return this.#owner.excluded.length + this.attempts.length === 0;
  }

  /** Picks a backend and begins to connect it, or ends where there is none. */
  turn(): Wait | undefined {
    const { pool } = this;
    const again = this.attempts.length > 0;
    const pick = pool.leases.take(this.#owner.key, this.tried, again);
    this.candidates = pool.definition.backends.length;
    if (pick.skipped !== undefined) this.noteSkipped(pick.skipped);
    if (pick.kind === "wait") return pick.for;
    if (pick.kind === "leased") this.connect(pick.backend);
    else this.end(endWithoutPick(pick.reason, !again));
    return undefined;
  }

  private get tried(): readonly PlacedBackend[] {
    const { excluded } = this.#owner;
    return this.attempts.length === 0 ? excluded : [...excluded, ...this.attempts.map(backendOf)];
  }

  private connect(backend: PlacedBackend): void {
    this.leaveQueue();
    this.#retrying = this.attempts.length > 0;
    this.#phase = "connect";
    // Arrays of just their length: every session keeps one.
    const attempt = { backend, took: 0, error: undefined };
    this.attempts = this.attempts.length === 0 ? [attempt] : this.attempts.concat(attempt);
    const idle = this.#owner.borrow?.(backend);
    if (idle === undefined) this.makeWay(backend);
    else {
      this.upstream = idle;
      this.has();
    }
  }

  private makeWay(backend: PlacedBackend): void {
    this.#began = eventTime();
    const stream = this.#owner.share?.(backend, this);
    if (stream !== undefined) {
      this.#stream = stream;
      if (stream.isReady) this.has();
      return;
    }
    this.upstream = new Upstream(this.#plane.dial, backend, this.pool.wiringOf(backend), this);
  }

  /** The backend whose place it has, or is about to have; undefined: none. */
  get backend(): PlacedBackend | undefined {
    return (this.upstream ?? this.#stream)?.backend;
  }

  opened(isFirst: boolean): void {
    if (isFirst) this.connected();
    else {
      this.finishAttempt(undefined);
      this.has();
    }
  }

  declined(upstream: Upstream | undefined): void {
    const { backend } = this.#stream!;
    this.#stream = undefined;
    if (upstream === undefined) this.makeWay(backend);
    else {
      this.upstream = upstream;
      this.connected();
    }
  }

  missed(failure: ConnectFailure, detail: string, isFirst: boolean): void {
    this.failed(failure, detail, isFirst);
  }

  override upstreamConnected(): void {
    const upstream = this.upstream!;
    const version = upstream.wiring.proxyProtocol;
    if (version !== undefined && !upstream.securing) upstream.raw.write(this.#owner.introduction(version));
    if (!upstream.secure()) this.connected();
  }

  private connected(): void {
    const { backend, took } = this.finishAttempt(undefined);
    reportConnected(this.#plane, this.pool, backend, took, this.#owner.awaitsAnswer === true);
    this.has();
  }

  private has(): void {
    this.#phase = "connected";
    this.endRetry();
    if (this.upstream === undefined) this.#owner.gotStream!(this.#stream!);
    else this.#owner.got(this.upstream);
  }

  override upstreamFailed(error: NodeJS.ErrnoException): void {
    this.failed(this.upstream!.failureOf(error), error.code ?? error.message);
  }

  /** The attempt failed; another backend is tried where that may help. @param counts false: it was another one's, too. */
  private failed(failure: ConnectFailure, detail: string, counts = true): void {
    const attempt = this.finishAttempt(detail);
    if (counts) reportConnectFailure(this.#plane, this.pool, attempt.backend, failure, attempt.took);
    this.giveBack();
    if (connectFailures[failure].retryable) this.begin();
    else this.end("connect_failed");
  }

  private finishAttempt(error: string | undefined): Attempt {
    const attempt = this.attempts.at(-1)!;
    attempt.took = performance.now() - this.#began;
    attempt.error = error;
    return attempt;
  }

  endIfOverdue(now: number): void {
    const { queue, definition } = this.pool;
    const late = this.late(now);
    if (this.#phase === "queue") {
      const reason = queue.overdue(this, late ? Number.POSITIVE_INFINITY : now, definition.queue.timeout);
      if (reason !== undefined) this.end(reason);
    } else if (this.#phase === "connect" && (late || this.isOverdue(now))) {
      const failure = this.upstream?.overdueAs ?? "timeout";
      this.failed(failure, failure, this.#stream === undefined);
    }
  }

  /** A connection that others wait for as well has a time limit of its own. */
  private isOverdue(now: number): boolean {
    return this.#stream === undefined && now - this.#began > this.pool.definition.connect.timeout;
  }

  /** Leaves a backend that it has not connected yet, and takes the next best. */
  vacate(): void {
    this.failed("drained", "drained");
  }

  /** How long the attempt that succeeded took, in milliseconds; undefined: none did. */
  get connectTook(): number | undefined {
    const last = this.attempts.at(-1);
    return last === undefined || last.error !== undefined ? undefined : last.took;
  }

  /**
   * The upstream's first bytes came.
   * @param asked when it was asked, by performance.now(). @param serves false: they say that it does not.
   */
  answered(asked: number, serves = true): void {
    const { backend } = this;
    if (backend === undefined) return;
    const { latencies } = this.pool;
    const waited = latencies === undefined ? 0 : this.waitedSince(asked);
    reportAnswer(this.#plane, latencies, backend, waited, serves);
  }

  /** It is over, and no byte came from the upstream. @param asked undefined: nothing was asked. */
  unanswered(reason: EndReason, asked: number | undefined): void {
    if (this.backend === undefined) return;
    const waited = asked === undefined ? 0 : this.waitedSince(asked);
    reportSilence(this.#plane, this.pool.latencies, this.backend, waited, reason);
  }

  /** How long the backend took for what it was asked: to be connected, and since then; in milliseconds. */
  private waitedSince(asked: number): number {
    return this.connectTook! + readTime() - asked;
  }

  private end(reason: EndReason): void {
    this.drop();
    this.#owner.ended(reason);
  }

  /**
   * Gives up, in whatever phase, and gives back all that it has. The owner is told nothing any more.
   * @param lingers see {@link Upstream.reset}.
   */
  drop(lingers = false): void {
    this.leaveQueue();
    if (this.#phase === "connect" && this.backend !== undefined) this.finishAttempt("abandoned");
    this.#phase = "ended";
    this.giveBack(lingers);
  }

  /** As {@link drop}, but the upstream stays open: it is somebody else's now. */
  handBack(): void {
    const backend = this.backend!;
    this.upstream = undefined;
    this.#stream = undefined;
    this.#phase = "ended";
    this.pool.leases.release(backend);
  }

  private leaveQueue(): void {
    if (this.#phase === "queue") this.queueTook += this.pool.queue.leave(this);
  }

  private giveBack(lingers = false): void {
    const { backend, upstream } = this;
    const stream = this.#stream;
    this.endRetry();
    if (backend === undefined) return;
    this.upstream = undefined;
    this.#stream = undefined;
    this.pool.leases.release(backend);
    upstream?.reset(lingers);
    stream?.abandon();
  }

  private endRetry(): void {
    if (this.#retrying) this.pool.leases.endRetry();
    this.#retrying = false;
  }

  /** A retry passes over the same ones again. */
  private noteSkipped(skipped: readonly Skipped[]): void {
    const before = this.skipped ?? [];
    const more = skipped.filter(({ backend }) => !before.some((other) => other.backend === backend));
    this.skipped = [...before, ...more];
  }
}
