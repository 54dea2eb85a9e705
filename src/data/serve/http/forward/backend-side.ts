import { backendCell } from "../../../../channel/counters.ts";
import type { RequestHead } from "../../../../http/message.ts";
import { eventTime } from "../../../../lib/read-time.ts";
import type { PlacedBackend } from "../../../../model/backend.ts";
import type { RetryPolicy, RetryTrigger } from "../../../../model/http/retry.ts";
import type { EndReason } from "../../../../model/reasons.ts";
import { clock } from "../../../clock.ts";
import { decideRetry, type FailedTry, type RetryDecision } from "../../../decide/http/retry.ts";
import type { Attempt } from "../../../dispatch/attempt.ts";
import { Dispatch, type DispatchOwner } from "../../../dispatch/dispatch.ts";
import type { PickKey } from "../../../pick/picker.ts";
import { Http1Upstream } from "../../../upstream/http1.ts";
import type { BackendStream, StreamWaiter } from "../../../upstream/http2-stream.ts";
import { type ProxyVersion, proxyIntroduction } from "../../../upstream/proxy-header.ts";
import type { RequestUpstream } from "../../../upstream/request-upstream.ts";
import type { Upstream } from "../../../upstream/upstream.ts";
import type { HttpConnection } from "../client.ts";
import type { HttpPlane } from "../plane.ts";
import { countRetry } from "../record.ts";
import type { PoolChoice } from "./sticky-pick.ts";

const none: readonly PlacedBackend[] = [];
const noAttempts: readonly Attempt[] = [];

/** The bodies of a request and its answer. */
interface MovedBodies {
  readonly requestBody: { readonly received: number };
  readonly sent: number;
}

/** Of a question of umay's own, which is not counted. */
const noBodies: MovedBodies = { requestBody: { received: 0 }, sent: 0 };

/** The owner of the request that is to be sent. */
export interface BackendSideOwner {
  readonly connection: HttpConnection;
  readonly head: Pick<RequestHead, "upgrade">;
  readonly choice: PoolChoice;
  readonly key: PickKey;
  readonly triesOthers: boolean;
  /** Whether it has to have a new connection, because it would be lost with one that ends as it is sent. */
  readonly needsNew: boolean;
  /** Whether the client speaks HTTP/2. */
  readonly speaksHttp2?: boolean;
  /** When to have given up, by performance.now(); undefined: only the pool's timeouts count. */
  readonly deadline: number | undefined;
  /** There is a connection to a backend: the request goes there. */
  connected(upstream: RequestUpstream): void;
  /** There is none. */
  ended(reason: EndReason): void;
}

/**
 * The way of one request to a backend and back: a dispatch, and of the backend that it picks an idle connection or a new
 * one. The lease is the request's, not the connection's.
 */
export class BackendSide implements DispatchOwner {
  readonly awaitsAnswer = true;
  dispatch: Dispatch;
  /** Has the request; undefined: not yet, or no more. */
  upstream: RequestUpstream | undefined = undefined;
  readonly #plane: HttpPlane;
  readonly #owner: BackendSideOwner;
  readonly #bodies: MovedBodies;
  /** Of the dispatches before the present one. */
  #earlier = noAttempts;
  #excluded = none;
  /** The connection of a tunnel, when its place has been given back before it was closed. */
  #placeless: Upstream | undefined = undefined;
  /** An idle connection that the dispatch took up. */
  #borrowed: Http1Upstream | undefined = undefined;

  /** @param bodies how many bytes of them have moved. */
  constructor(plane: HttpPlane, owner: BackendSideOwner, bodies: MovedBodies = noBodies) {
    this.#bodies = bodies;
    this.#plane = plane;
    this.#owner = owner;
    this.dispatch = new Dispatch(plane, owner.choice.pool, this);
  }

  begin(): void {
    this.dispatch.pool.retryBudget.count();
    this.dispatch.begin();
  }

  get attempts(): readonly Attempt[] {
    const { attempts } = this.dispatch;
    return this.#earlier.length === 0 ? attempts : this.#earlier.concat(attempts);
  }

  /** The one that has the request, or is about to; undefined: none. */
  get backend(): PlacedBackend | undefined {
    return this.dispatch.backend ?? this.#placeless?.backend;
  }

  get key(): PickKey {
    return this.#owner.key;
  }

  get excluded(): readonly PlacedBackend[] {
    return this.#excluded;
  }

  get triesOthers(): boolean {
    return this.#owner.triesOthers;
  }

  get deadline(): number | undefined {
    return this.#owner.deadline;
  }

  introduction(version: ProxyVersion): Buffer {
    return proxyIntroduction(version, this.#owner.connection);
  }

  borrow(backend: PlacedBackend): Upstream | undefined {
    this.#borrowed = this.#owner.needsNew
      ? undefined
      : this.#plane.kept.take(backend, this.dispatch.pool.wiringOf(backend), eventTime());
    return this.#borrowed?.upstream;
  }

  /** Few backends take WebSockets over HTTP/2. */
  share(backend: PlacedBackend, waiter: StreamWaiter): BackendStream | undefined {
    const wiring = this.dispatch.pool.wiringOf(backend);
    const { http } = wiring.definition;
    if (http.version === "auto" && this.#owner.head.upgrade !== "") return undefined;
    if (http.version === "client" && this.#owner.speaksHttp2 !== true) return undefined;
    return this.#plane.sharedUpstreams.join(backend, wiring, waiter, eventTime());
  }

  got(upstream: Upstream): void {
    const { maxResponseHead: head } = this.dispatch.pool.definition.http;
    const limits = { head, fields: 256, underscores: "pass" } as const;
    this.upstream = this.#borrowed ?? new Http1Upstream(upstream, limits);
    this.#owner.connected(this.upstream);
  }

  gotStream(stream: BackendStream): void {
    this.upstream = stream;
    this.#owner.connected(stream);
  }

  ended(reason: EndReason): void {
    this.#owner.ended(reason);
  }

  /**
   * Whether the request is sent once more. That is counted, and noted of the attempt.
   * @param began when the attempt did that a backend was sent, by performance.now().
   */
  decide(policy: RetryPolicy, attempted: Omit<FailedTry, "left">, began: number): RetryDecision {
    const now = performance.now();
    const failed = { ...attempted, left: (this.deadline ?? Number.POSITIVE_INFINITY) - now };
    const { pool } = this.dispatch;
    const { connect, counters } = pool.definition;
    const wanted = decideRetry(policy, failed);
    // A connection that had served comes before each of the others: a pool that only fails has none of these.
    const needsPlace = wanted.kind === "again" && failed.trigger !== "reused-reset";
    const isOverBudget = needsPlace && !pool.retryBudget.take(connect.retryBudget);
    const decision: RetryDecision = isOverBudget ? { kind: "give-up", why: "budget" } : wanted;
    if (decision.kind === "unasked") return decision;
    countRetry(this.#plane.counters, counters, failed.trigger, decision);
    const { trigger } = failed;
    const attempt = this.dispatch.attempts.at(-1);
    // All backends but those that are avoided were out of service.
    if (attempt === undefined) return decision;
    attempt.outcome = {
      status: typeof trigger === "number" ? trigger : undefined,
      error: typeof trigger === "number" ? undefined : trigger,
      took: trigger === "connect-failed" ? attempt.took : now - began,
      retry: decision.kind === "again" ? "made" : decision.why,
    };
    return decision;
  }

  /** The connection had served before, and says nothing: where it ends, that may be of before. */
  get isStale(): boolean {
    return this.upstream?.isReused === true && !this.upstream.heard;
  }

  /** The name for the end of the connection. */
  endTrigger({ on }: RetryPolicy): RetryTrigger {
    return this.isStale && on.includes("reused-reset") ? "reused-reset" : "reset";
  }

  /** Lets go of the backend, so that another attempt may be made. @param avoids whether that one prefers other backends. */
  leave(avoids: boolean): void {
    const { attempts, pool } = this.dispatch;
    this.drop();
    this.#earlier = this.#earlier.concat(attempts);
    if (!avoids || this.key.wish?.only === true) return;
    const excluded = [...this.#excluded, attempts.at(-1)!.backend];
    const hasOther = pool.definition.backends.some(
      (other) => !excluded.includes(other) && pool.leases.obstacle(other) === undefined,
    );
    this.#excluded = hasOther ? excluded : none;
  }

  /** Whether the dispatch ended for want of a backend that the request had not failed on. */
  hasTriedAll(reason: EndReason): boolean {
    return reason === "connect_failed" || (reason === "no_backend" && this.#excluded.length > 0);
  }

  /** As {@link leave} where all backends were tried: the next attempt may take each of them but the last one that failed. */
  leaveAll(): void {
    this.#excluded = none;
    this.leave(this.dispatch.attempts.length > 0);
  }

  /** Makes another attempt, after {@link leave} or {@link leaveAll}. */
  again(): void {
    this.dispatch = new Dispatch(this.#plane, this.dispatch.pool, this);
    this.dispatch.begin();
  }

  /** The client has its response. @param isWhole nothing of it or of the request is to come: the connection may serve another one. */
  served(isWhole: boolean): void {
    const { dispatch, upstream } = this;
    if (upstream === undefined || !isWhole) {
      this.drop();
      return;
    }
    this.#countBytes(upstream);
    this.upstream = undefined;
    dispatch.handBack();
    if (upstream instanceof Http1Upstream) this.#keep(upstream);
  }

  /** The backend of a tunnel has ended, and nothing moves: others may have its place. The connection stays open. */
  giveUpPlace(): void {
    const { upstream } = this;
    if (upstream === undefined) return;
    this.#countBytes(upstream);
    upstream.abandon();
    this.upstream = undefined;
    this.#placeless = upstream.relayed;
    this.dispatch.handBack();
  }

  /** While there is a lease: a backend without one may give its counters away. */
  #countBytes({ backend }: RequestUpstream): void {
    const { counters } = this.#plane;
    counters[backend.counters + backendCell.sent]! += this.#bodies.requestBody.received;
    counters[backend.counters + backendCell.received]! += this.#bodies.sent;
  }

  #keep(upstream: Http1Upstream): void {
    const { http } = this.dispatch.pool.definition;
    const isKept = upstream.isIdle && upstream.upstream.wiring.proxyProtocol === undefined;
    if (isKept) this.#plane.kept.keep(upstream, http, clock.now);
    else upstream.leave();
  }

  /** Gives up, and gives back all that it has. @param lingers the backend is to have time for what it was sent last. */
  drop(lingers = false): void {
    if (this.upstream !== undefined) this.#countBytes(this.upstream);
    this.upstream?.abandon();
    this.upstream = undefined;
    this.dispatch.drop(lingers);
    this.#placeless?.reset(lingers);
    this.#placeless = undefined;
  }
}
