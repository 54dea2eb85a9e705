import type { Fault } from "../../../../http/fault.ts";
import type { Fields, ResponseHead } from "../../../../http/message.ts";
import { type EndReason, type RequestReason, requestReasonOf } from "../../../../model/reasons.ts";
import { isBlamed } from "../../../decide/http/retry.ts";
import type { ServedPool } from "../../../dispatch/pool.ts";
import type { PickKey } from "../../../pick/picker.ts";
import type { RequestUpstream, UpstreamUser } from "../../../upstream/request-upstream.ts";
import type { HttpConnection } from "../client.ts";
import { BackendSide, type BackendSideOwner } from "../forward/backend-side.ts";
import type { PoolChoice } from "../forward/sticky-pick.ts";
import type { HttpPlane } from "../plane.ts";
import type { RequestView } from "../view.ts";
import type { AskHead } from "./ask-head.ts";

/** A place where a question is asked. */
export interface AskedPlace {
  readonly plane: HttpPlane;
  readonly pool: ServedPool;
  /** The host that is asked for where the pool wants the client's; empty: the backend's own address. */
  readonly authority: string;
  /** When there has to be an answer, by performance.now(); undefined: only the pool's timeouts count. */
  readonly deadline: number | undefined;
}

/**
 * A question of umay's own about a request, on its way to a server and back. Whoever extends it says how it is sent, and reads
 * the answer. Where a connection that was there before ended as it was used, it is asked once more, over another.
 */
export abstract class ServerCall implements BackendSideOwner, UpstreamUser {
  abstract readonly head: AskHead;
  readonly connection: HttpConnection;
  readonly choice: PoolChoice;
  readonly key: PickKey;
  readonly triesOthers = true;
  readonly deadline: number | undefined;
  needsNew = false;
  isOver = false;
  protected readonly side: BackendSide;
  /** When it was sent, by performance.now(); 0: there is no connection. */
  protected sentAt = 0;
  /** The server has answered: its end is no failure of its. */
  protected isAnswered = false;
  readonly #authority: string;

  constructor(view: RequestView, { plane, pool, authority, deadline }: AskedPlace) {
    this.connection = view.connection;
    this.deadline = deadline;
    this.choice = { pool, key: undefined };
    this.key = {
      clientAddress: view.client,
      serverName: this.connection.serverName,
      key: undefined,
    };
    this.#authority = authority;
    this.side = new BackendSide(plane, this);
  }

  /** There is a connection. */
  protected abstract send(upstream: RequestUpstream): void;
  /** It is over without a whole answer, but not by {@link drop}. */
  protected abstract lost(detail: string): void;
  abstract response(head: ResponseHead): void;
  abstract body(bytes: Buffer, start: number, end: number, last: boolean): boolean;
  abstract end(trailers: Fields | undefined): void;

  /** Whether all that was sent can be sent again. */
  protected get canRepeat(): boolean {
    return true;
  }

  /** Behind the constructor, because it may fail at once. */
  begin(): void {
    this.side.begin();
  }

  connected(upstream: RequestUpstream): void {
    const { host } = this.choice.pool.definition.http;
    const { address } = upstream.backend;
    const asked = host === "backend" || this.#authority === "" ? address : this.#authority;
    this.sentAt = performance.now();
    this.head.scheme = upstream.secure ? "https" : "http";
    this.head.authority = typeof host === "object" ? host.name : asked;
    this.send(upstream);
  }

  ended(reason: EndReason): void {
    this.failed(requestReasonOf(reason, "connect_failed"), reason);
  }

  drained(): void {}

  interim(): void {}

  switched(): void {
    this.failed(undefined, "it changes to another protocol");
  }

  fail({ reason, detail }: Fault): void {
    if (!this.#repeats()) this.failed(reason, `${reason} (${detail})`);
  }

  broke(): void {
    if (!this.#repeats()) this.failed("backend_reset");
  }

  refused(): void {
    if (!this.#repeats()) this.failed("backend_refused");
  }

  #repeats(): boolean {
    if (this.needsNew || !this.canRepeat || !this.side.isStale) return false;
    this.needsNew = true;
    this.sentAt = 0;
    this.side.leave(false);
    this.side.again();
    return true;
  }

  /** @param reason undefined: the server itself says so, and is no worse a backend for that. */
  protected failed(reason: RequestReason | undefined, detail: string = reason!): void {
    if (this.isOver) return;
    if (this.sentAt > 0 && !this.isAnswered && reason !== undefined && isBlamed(reason))
      this.side.dispatch.unanswered("backend_reset", this.sentAt);
    this.drop();
    this.lost(detail);
  }

  /** Nothing more is sent or heard. */
  drop(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.side.drop();
  }

  /** @param now by performance.now(). */
  endIfOverdue(now: number): void {
    if (this.isOver) return;
    if (this.deadline !== undefined && now > this.deadline)
      this.failed("first_byte_timeout", "it did not answer in time");
    else if (this.sentAt === 0) this.side.dispatch.endIfOverdue(now);
  }

  /** The server is to be left, by its slot. */
  vacate(slot: number): void {
    if (this.isOver || this.side.dispatch.backend?.slot !== slot) return;
    if (this.sentAt === 0) this.side.dispatch.vacate();
    else this.failed("backend_drained");
  }
}
