import { backendCell, listenerCell } from "../../../channel/counters.ts";
import { outside } from "../../../lib/crowd.ts";
import type { PlacedBackend } from "../../../model/backend.ts";
import { type Chain, relayTarget } from "../../../model/chain.ts";
import type { SessionState, WorkerSession } from "../../../model/open-session.ts";
import type { EndReason } from "../../../model/reasons.ts";
import type { Labels } from "../../../model/subset.ts";
import { logSession } from "../../../observe/session-log.ts";
import type { AcceptingListener, AcceptingPlane } from "../../accept/accepting.ts";
import type { Connection } from "../../accept/connection.ts";
import { describeTlsError } from "../../accept/handshake-failure.ts";
import { connectionRecord, tellConnection } from "../../accept/record.ts";
import { readTime } from "../../clock.ts";
import { chooseTarget } from "../../decide/target.ts";
import { Dispatch, type DispatchOwner, type DispatchPlane } from "../../dispatch/dispatch.ts";
import type { ServedPool } from "../../dispatch/pool.ts";
import type { Open } from "../../open.ts";
import type { PickKey } from "../../pick/picker.ts";
import { outliveRelayedWrites, readClientBytes, useUpstream, writeClient } from "../../sockets/events.ts";
import { forLastBytes } from "../../sockets/linger.ts";
import { SocketOwner } from "../../sockets/owner.ts";
import { TlsOverhead } from "../../sockets/tls-overhead.ts";
import { type ProxyVersion, proxyIntroduction } from "../../upstream/proxy-header.ts";
import type { Upstream } from "../../upstream/upstream.ts";
import { isTooOld, retirementOf } from "../retirement.ts";
import { recordDispatch } from "./record.ts";
import { Relay, type RelayEnd, type RelayOwner } from "./relay.ts";

/** A listener with the pools of its chains. */
export interface RelayListener extends AcceptingListener {
  /** A pool that one of its chains leads to. */
  poolNamed(name: string): ServedPool | undefined;
}

/** The part of a connection that its session uses. */
export type RelayedConnection = Pick<
  Connection<RelayListener>,
  | "listener"
  | "raw"
  | "client"
  | "clientAddress"
  | "number"
  | "acceptedAt"
  | "clientPort"
  | "proxy"
  | "serverName"
  | "destination"
  | "tls"
  | "decided"
  | "close"
>;

/** The part of a worker's plane that a session uses. */
export type RelayPlane = AcceptingPlane & DispatchPlane;

const none: readonly PlacedBackend[] = [];

/** @param subset the part of the pool that its chain asks for. */
const keyWith = ({ clientAddress, serverName, destination }: RelayedConnection, subset: Labels): PickKey => ({
  clientAddress,
  serverName,
  destination,
  subset,
});

/** Layer 4: a connection that is relayed to one backend. One dispatch, then one relay, then its line in the log. */
export class Session extends SocketOwner implements Open, DispatchOwner, RelayOwner {
  place = outside;
  readonly key: PickKey;
  readonly #plane: RelayPlane;
  readonly #connection: RelayedConnection;
  readonly #chain: Chain;
  readonly #dispatch: Dispatch;
  /** By performance.now(). */
  readonly #retiresAt: number;
  #relay: Relay | undefined = undefined;
  /** The upstream, when its place has been given back before it was closed. */
  #placeless: Upstream | undefined = undefined;
  /** It has sent its last byte before there was a backend. */
  #clientEnded = false;
  /**
   * When the client's last bytes before the backend's first ones went to it, or it was connected, by performance.now().
   * Where latencies are measured, elsewhere 0.
   */
  #asked = 0;
  #received = 0;
  #sent = 0;
  /** Since the sweep came by first. */
  #clientOverhead: TlsOverhead | undefined = undefined;
  #backendOverhead: TlsOverhead | undefined = undefined;

  /** @param chain of the listener, that was chosen. */
  constructor(plane: RelayPlane, connection: RelayedConnection, chain: Chain) {
    super();
    const { listener, client } = connection;
    const { pool, subset } = chooseTarget(relayTarget(chain.serve));
    this.#plane = plane;
    this.#connection = connection;
    this.#chain = chain;
    this.key = subset === undefined ? connection : keyWith(connection, subset);
    this.#dispatch = new Dispatch(plane, listener.poolNamed(pool)!, this);
    this.#retiresAt = retirementOf(chain.maxAge);
    client.owner = this;
    plane.open.add(this);
    this.#dispatch.begin();
  }

  get excluded(): readonly PlacedBackend[] {
    return none;
  }

  get triesOthers(): boolean {
    return true;
  }

  get deadline(): undefined {
    return undefined;
  }

  introduction(version: ProxyVersion): Buffer {
    return proxyIntroduction(version, this.#connection);
  }

  /** The dispatch has an upstream: bytes may move. */
  got(upstream: Upstream): void {
    const { client } = this.#connection;
    this.#connection.decided();
    if (this.#dispatch.pool.latencies !== undefined) this.#asked = performance.now();
    useUpstream(upstream.socket, upstream.securing);
    writeClient(client);
    outliveRelayedWrites(client, upstream.socket);
    readClientBytes(client);
    this.#relay = new Relay(this, {
      client,
      clientEnded: this.#clientEnded,
      upstream,
    });
  }

  /** The dispatch has ended without one. */
  ended(reason: EndReason): void {
    this.end(reason);
  }

  /** Bytes that wait to be relayed come before the end: who ends in the queue has said nothing, and wants no place any more. */
  override clientEnded(): void {
    this.#clientEnded = true;
    if (this.#dispatch.waiting) this.end("client_gone");
  }

  /** Node reports a reset under TLS as an error of TLS, too. */
  override clientFailed(error: NodeJS.ErrnoException): void {
    this.end(error.code?.startsWith("ERR_SSL") ? "client_tls_error" : "client_gone");
  }

  override clientClosed(): void {
    this.end("client_gone");
  }

  countReceived(bytes: number): void {
    if (this.#sent === 0 && this.#dispatch.pool.latencies !== undefined) this.#asked = readTime();
    this.#received += bytes;
    this.count(listenerCell.received, backendCell.sent, bytes);
  }

  countSent(bytes: number): void {
    if (this.#sent === 0) this.#dispatch.answered(this.#asked);
    this.#sent += bytes;
    this.count(listenerCell.sent, backendCell.received, bytes);
  }

  /** A backend whose connection is gone may have given its counters away. */
  private count(cell: number, itsCell: number, bytes: number): void {
    const { counters } = this.#plane;
    counters[this.#connection.listener.definition.counters + cell]! += bytes;
    const { upstream } = this.#dispatch;
    if (upstream !== undefined) counters[upstream.backend.counters + itsCell]! += bytes;
  }

  get backendIsScarce(): boolean {
    return this.#dispatch.pool.isLimited;
  }

  giveUpPlace(): void {
    const { upstream } = this.#dispatch;
    if (upstream === undefined) return;
    this.judge("backend_closed");
    this.#placeless = upstream;
    this.#dispatch.handBack();
  }

  dropUpstream(reason: EndReason): void {
    this.judge(reason);
    this.#dispatch.drop();
    this.#placeless?.reset();
  }

  /** Tells what the end says of a backend that has said nothing. */
  private judge(reason: EndReason): void {
    if (this.#relay !== undefined && this.#sent === 0)
      this.#dispatch.unanswered(reason, this.#received === 0 ? undefined : this.#asked);
  }

  relayEnded(reason: EndReason, { error, lingers = false }: RelayEnd = {}): void {
    this.finish(reason, error === undefined ? "" : `backend: ${describeTlsError(error)}`, lingers);
  }

  endIfOverdue(now: number): void {
    const flood = this.flood();
    if (flood !== undefined) this.end(flood);
    else if (this.#relay === undefined) this.#dispatch.endIfOverdue(now);
    else if (isTooOld(now, this.#retiresAt, this.#chain.maxAge, this.#relay)) this.end("max_age");
    else this.#relay.endIfOverdue(now, this.#chain.timeouts);
  }

  /** A side that keeps TLS busy, and the session where it is. */
  private flood(): EndReason | undefined {
    const { tls, raw, client } = this.#connection;
    const { upstream } = this.#dispatch;
    if (tls !== undefined) {
      this.#clientOverhead ??= new TlsOverhead(raw, client);
      if (this.#clientOverhead.exceeded(raw, client)) return "client_tls_flood";
    }
    if (this.#relay !== undefined && upstream?.securing) {
      this.#backendOverhead ??= new TlsOverhead(upstream.raw, upstream.socket);
      if (this.#backendOverhead.exceeded(upstream.raw, upstream.socket)) return "backend_tls_flood";
    }
    return undefined;
  }

  vacate(slot: number): void {
    if ((this.#dispatch.upstream ?? this.#placeless)?.backend.slot !== slot) return;
    if (this.#relay === undefined) this.#dispatch.vacate();
    else this.end("backend_drained");
  }

  get number(): number {
    return this.#connection.number;
  }

  tell(now: number): WorkerSession {
    const told = tellConnection(this.#connection, this.#state, now);
    const { pool, upstream } = this.#dispatch;
    told.pool = pool.definition.name;
    told.backend = (upstream ?? this.#placeless)?.backend.address ?? null;
    told.received = this.#received;
    told.sent = this.#sent;
    return told;
  }

  get #state(): SessionState {
    if (this.#relay === undefined) return this.#dispatch.waiting ? "queue" : "connect";
    return this.#relay.isHalfClosed ? "half-closed" : "relay";
  }

  end(reason: EndReason): void {
    this.finish(reason, "");
  }

  private finish(reason: EndReason, tlsError: string, lingers = false): void {
    if (!this.#plane.open.delete(this)) return;
    this.judge(reason);
    this.#dispatch.drop(lingers);
    this.#placeless?.reset(lingers);
    this.record(reason, this.#connection.close(reason, lingers ? forLastBytes : undefined), tlsError);
  }

  /** @param duration in milliseconds. */
  private record(reason: EndReason, duration: number, tlsError: string): void {
    const { logger, logSessions } = this.#plane;
    if (!logSessions) return;
    const record = connectionRecord(this.#connection, reason, duration);
    recordDispatch(record, this.#dispatch, this.#connection);
    record.tlsError = tlsError;
    record.received = this.#received;
    record.sent = this.#sent;
    logSession(logger, record);
  }
}
