import type { RequestHead } from "../../../http/message.ts";
import type { PlacedBackend } from "../../../model/backend.ts";
import type { EndReason } from "../../../model/reasons.ts";
import { clock } from "../../clock.ts";
import { type Attempt, Dispatch, type DispatchOwner } from "../../dispatch/dispatch.ts";
import type { PickKey } from "../../pick/picker.ts";
import { Http1Upstream } from "../../upstream/http1.ts";
import { type ProxyVersion, proxyIntroduction } from "../../upstream/proxy-header.ts";
import type { Upstream } from "../../upstream/upstream.ts";
import type { HttpConnection } from "./client.ts";
import type { HttpPlane } from "./plane.ts";
import type { PoolChoice } from "./sticky-pick.ts";

/** RFC 9110 section 9.2.2: to do it twice is to do it once. */
const idempotent: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

const none: readonly PlacedBackend[] = [];
const noAttempts: readonly Attempt[] = [];

/** Whose request is to be sent. */
export interface BackendSideOwner {
  readonly connection: HttpConnection;
  readonly head: Pick<RequestHead, "method" | "length" | "upgrade">;
  readonly choice: PoolChoice;
  readonly key: PickKey;
  /** It is the client's first one: nothing says yet that it knows how connections may end. */
  readonly isFirst: boolean;
  /** When to have given up, by performance.now(); undefined: only the pool's timeouts count. */
  readonly deadline: number | undefined;
  /** There is a connection to a backend: the request goes there. */
  connected(upstream: Http1Upstream): void;
  /** There is none. */
  ended(reason: EndReason): void;
}

/**
 * The way of one request to a backend and back: a dispatch, and of the backend that it picks an idle connection or a new
 * one. The lease is the request's, not the connection's.
 */
export class BackendSide implements DispatchOwner {
  dispatch: Dispatch;
  /** Has the request; undefined: not yet, or no more. */
  upstream: Http1Upstream | undefined = undefined;
  readonly #plane: HttpPlane;
  readonly #owner: BackendSideOwner;
  /** Of the dispatch before the present one. */
  #earlier = noAttempts;
  /** An idle connection that the dispatch took up. */
  #borrowed: Http1Upstream | undefined = undefined;
  #isRepeated = false;

  constructor(plane: HttpPlane, owner: BackendSideOwner) {
    this.#plane = plane;
    this.#owner = owner;
    this.dispatch = new Dispatch(plane, owner.choice.pool, this);
  }

  begin(): void {
    this.dispatch.begin();
  }

  get attempts(): readonly Attempt[] {
    return this.#earlier.concat(this.dispatch.attempts);
  }

  get key(): PickKey {
    return this.#owner.key;
  }

  get tried(): readonly PlacedBackend[] {
    return none;
  }

  get deadline(): number | undefined {
    return this.#owner.deadline;
  }

  introduction(version: ProxyVersion): Buffer {
    return proxyIntroduction(version, this.#owner.connection);
  }

  /**
   * A connection may end while a request is on its way to it. A request that must not be sent twice is lost then; so the
   * first one of a client takes a connection of its own.
   */
  borrow(backend: PlacedBackend): Upstream | undefined {
    if (this.#isRepeated || (this.#owner.isFirst && !this.#mayRepeat)) return undefined;
    this.#borrowed = this.#plane.kept.take(backend, this.dispatch.pool.wiring, performance.now());
    return this.#borrowed?.upstream;
  }

  get #mayRepeat(): boolean {
    const { method, length, upgrade } = this.#owner.head;
    return idempotent.has(method) && length === 0 && upgrade === "";
  }

  got(upstream: Upstream): void {
    const { maxResponseHead: head } = this.dispatch.pool.definition.http;
    const limits = { head, fields: 256, underscores: "pass" } as const;
    this.upstream = this.#borrowed ?? new Http1Upstream(upstream, limits);
    this.#owner.connected(this.upstream);
  }

  ended(reason: EndReason): void {
    this.#owner.ended(reason);
  }

  /**
   * The connection ended before a byte of the answer came. If it had been idle, the backend may have ended it without
   * having seen the request: that is sent once more, on a new connection, where to do it twice would do no harm (RFC 9110
   * section 9.2.2).
   * @returns whether it is.
   */
  repeat(): boolean {
    const { upstream, dispatch } = this;
    if (upstream === undefined || !upstream.isReused || upstream.heard) return false;
    if (this.#isRepeated || !this.#mayRepeat) return false;
    this.#isRepeated = true;
    this.#borrowed = undefined;
    const last = dispatch.attempts.at(-1);
    if (last !== undefined) last.error = "reused";
    this.drop();
    this.#earlier = dispatch.attempts;
    this.dispatch = new Dispatch(this.#plane, dispatch.pool, this);
    this.dispatch.begin();
    return true;
  }

  /** The response is complete. @param isWhole so is the request: the connection may serve another one. */
  served(isWhole: boolean): void {
    const { dispatch, upstream } = this;
    if (upstream === undefined || !isWhole) {
      this.drop();
      return;
    }
    this.upstream = undefined;
    dispatch.handBack();
    const { definition, wiring } = dispatch.pool;
    const isKept = upstream.isIdle && definition.proxyProtocol === undefined;
    if (isKept) this.#plane.kept.keep(upstream, wiring, definition.http, clock.now);
    else upstream.leave();
  }

  /** Gives up, and gives back all that it has. @param lingers the backend is to have time for what it was sent last. */
  drop(lingers = false): void {
    this.upstream?.abandon();
    this.upstream = undefined;
    this.dispatch.drop(lingers);
  }
}
