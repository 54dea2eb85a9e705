import { poolCell } from "../../../../channel/counters.ts";
import type { Fields, HeadEdits, ResponseHead } from "../../../../http/message.ts";
import { type HttpMirror, type MirrorOutcome, mirrorOutcomeList } from "../../../../model/http/mirror.ts";
import { clock } from "../../../clock.ts";
import type { CompiledRoute } from "../../../decide/http/compiled-route.ts";
import { serves } from "../../../decide/http/retry.ts";
import type { Timed } from "../../../open.ts";
import type { PickKey } from "../../../pick/picker.ts";
import type { RequestUpstream, UpstreamUser } from "../../../upstream/request-upstream.ts";
import type { ExchangeClient, HttpConnection } from "../client.ts";
import { ForwardedHead, requestEdits } from "../heads.ts";
import type { HttpPlane } from "../plane.ts";
import { RequestBody } from "../request-body.ts";
import type { RequestView } from "../view.ts";
import { BackendSide, type BackendSideOwner } from "./backend-side.ts";
import type { PoolChoice } from "./sticky-pick.ts";

/** How far a copy may be behind the request, in bytes. */
const mostBehind = 65_536;

/** The request that is copied. */
export interface Mirrored {
  readonly view: RequestView;
  readonly route: CompiledRoute;
  readonly client: ExchangeClient;
  /** As backends get it, without the query. */
  readonly path: string;
  /** As far as it came; no backend has had any of it. */
  readonly requestBody: RequestBody;
}

/** The copies of requests of a worker that are under way. */
export class Mirrors implements Timed {
  readonly #all = new Set<Mirror>();
  /** By pool. */
  readonly #counts = new Map<string, number>();

  /** Begins a copy, unless there are as many already as the route lets there be. */
  begin(plane: HttpPlane, request: Mirrored, { pool: name, maxRequests }: HttpMirror): Mirror | undefined {
    const pool = request.client.connection.listener.poolNamed(name);
    if (pool === undefined) return undefined;
    const count = this.#counts.get(name) ?? 0;
    if (count >= maxRequests) {
      countMirror(plane, pool.definition.counters, "limit");
      return undefined;
    }
    this.#counts.set(name, count + 1);
    const mirror = new Mirror(plane, request, { pool, key: undefined }, (over) => this.#forget(over, name));
    this.#all.add(mirror);
    mirror.begin();
    return mirror;
  }

  #forget(mirror: Mirror, pool: string): void {
    if (!this.#all.delete(mirror)) return;
    const left = this.#counts.get(pool)! - 1;
    if (left === 0) this.#counts.delete(pool);
    else this.#counts.set(pool, left);
  }

  get size(): number {
    return this.#all.size;
  }

  endIfOverdue(now: number): void {
    for (const mirror of this.#all) mirror.endIfOverdue(now);
  }

  /** Drops those that are on a backend, by its slot. */
  vacate(slot: number): void {
    for (const mirror of this.#all) if (mirror.isOn(slot)) mirror.drop();
  }

  /** Drops all. */
  close(): void {
    for (const mirror of this.#all) mirror.drop();
  }
}

function countMirror({ counters }: HttpPlane, first: number, outcome: MirrorOutcome): void {
  counters[first + poolCell.mirrored + mirrorOutcomeList.indexOf(outcome)]! += 1;
}

/**
 * A copy of one request on its way to another pool. Nobody waits for it: its answer is read and dropped, and where its
 * backend does not keep up with the client, it is dropped itself. It may outlive its request.
 */
export class Mirror implements BackendSideOwner, UpstreamUser {
  readonly connection: HttpConnection;
  readonly choice: PoolChoice;
  readonly key: PickKey;
  readonly deadline = undefined;
  readonly triesOthers = true;
  /** Of two copies of one request none is missed more than the other. */
  readonly needsNew = false;
  readonly #plane: HttpPlane;
  readonly #route: CompiledRoute;
  readonly head: ForwardedHead;
  /** As the client sent it. */
  readonly #edits: HeadEdits;
  readonly #body = new RequestBody();
  readonly #backend: BackendSide;
  readonly #over: (mirror: Mirror) => void;
  #isOver = false;
  /** Bytes that the backend has not taken yet. */
  #behind = 0;
  #takes = true;
  /** When the last byte of the request went to the backend, by performance.now(). */
  #asked = 0;
  /** By {@link clock}. */
  #lastActive = clock.now;

  /** @param over is told when nothing is left of it. */
  constructor(plane: HttpPlane, request: Mirrored, choice: PoolChoice, over: (mirror: Mirror) => void) {
    const { view, route, client, path, requestBody } = request;
    this.#plane = plane;
    this.#route = route;
    this.head = new ForwardedHead(view, path, route);
    // Later there may be another request in the place of this one, or no client any more.
    const { dropped, lines } = requestEdits(view, route, client);
    this.#edits = { dropped: dropped.slice(), lines };
    this.#body.copy(requestBody);
    this.#behind = requestBody.received;
    this.#over = over;
    this.connection = client.connection;
    this.choice = choice;
    this.key = { clientAddress: view.client, serverName: client.connection.serverName };
    this.#backend = new BackendSide(plane, this);
  }

  begin(): void {
    this.#backend.begin();
  }

  connected(upstream: RequestUpstream): void {
    const { head } = this;
    this.#lastActive = clock.now;
    this.#asked = performance.now();
    head.goesTo(upstream, this.#route, this.choice.pool.definition.http);
    upstream.request(this, head, this.#body.waits, this.#edits);
    this.#behind = 0;
    this.#body.flow(upstream.requestBody, head.length === 0);
  }

  ended(): void {
    this.#end("failed");
  }

  /** A part of the request's body, before it goes anywhere else. */
  take(bytes: Buffer, start: number, end: number, last: boolean): void {
    if (this.#isOver) return;
    if (this.#backend.upstream === undefined || !this.#takes) this.#behind += end - start;
    if (this.#behind > mostBehind) {
      this.drop();
      return;
    }
    this.#moved(last);
    // A copy: whoever gets the request's own bytes writes to what is around them.
    const part = Buffer.from(bytes.subarray(start, end));
    this.#takes = this.#body.take(part, 0, part.length, last);
  }

  /** The request is whole. */
  complete(trailers: Fields | undefined): void {
    if (this.#isOver) return;
    this.#moved(true);
    this.#body.end(trailers);
  }

  #moved(last: boolean): void {
    this.#lastActive = clock.now;
    if (last) this.#asked = performance.now();
  }

  /** The request has ended: what is not whole by then will never be. */
  requestOver(): void {
    if (!this.#body.isWhole) this.drop();
  }

  drained(): void {
    this.#behind = 0;
    this.#takes = true;
    this.#lastActive = clock.now;
  }

  interim(): void {
    this.#lastActive = clock.now;
  }

  response({ status }: ResponseHead): void {
    this.#lastActive = clock.now;
    this.#backend.dispatch.answered(this.#asked, serves(status));
  }

  body(_bytes: Buffer, _start: number, _end: number, last: boolean): boolean {
    this.#lastActive = clock.now;
    if (last) this.#served();
    return true;
  }

  end(): void {
    this.#served();
  }

  #served(): void {
    this.#backend.served(this.#body.isWhole);
    this.#leave("answered");
  }

  /** No upgrade is mirrored. */
  switched(): void {
    this.#end("failed");
  }

  fail(): void {
    this.broke();
  }

  broke(): void {
    this.#backend.dispatch.unanswered("backend_reset", this.#asked);
    this.#end("failed");
  }

  refused(): void {
    this.#end("failed");
  }

  /** Gives up the copy, wherever it is. */
  drop(): void {
    this.#end("dropped");
  }

  #end(outcome: MirrorOutcome): void {
    if (this.#isOver) return;
    this.#backend.drop();
    this.#leave(outcome);
  }

  #leave(outcome: MirrorOutcome): void {
    if (this.#isOver) return;
    this.#isOver = true;
    countMirror(this.#plane, this.choice.pool.definition.counters, outcome);
    this.#over(this);
  }

  isOn(slot: number): boolean {
    return this.#backend.dispatch.backend?.slot === slot;
  }

  /** @param now by performance.now(). */
  endIfOverdue(now: number): void {
    if (this.#backend.upstream === undefined) this.#backend.dispatch.endIfOverdue(now);
    else if (now - this.#lastActive > this.#route.definition.timeouts.firstByte) this.#end("failed");
  }
}
