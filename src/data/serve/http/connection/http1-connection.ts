import type { Fault } from "../../../../http/fault.ts";
import { Http1Front } from "../../../../http/http1/front.ts";
import { Http1ResponseWriter } from "../../../../http/http1/response-writer.ts";
import { preface } from "../../../../http/http2/protocol.ts";
import type { RequestHead } from "../../../../http/message.ts";
import { outside } from "../../../../lib/crowd.ts";
import type { Chain } from "../../../../model/chain.ts";
import type { SessionState, WorkerSession } from "../../../../model/open-session.ts";
import { type EndReason, type RequestReason, requestReasonOf } from "../../../../model/reasons.ts";
import { clock } from "../../../clock.ts";
import type { Open } from "../../../open.ts";
import { handOverClient, outliveRelayedWrites, serveClient } from "../../../sockets/events.ts";
import { forLastBytes, type Patience } from "../../../sockets/linger.ts";
import { type OwnedSocket, SocketOwner } from "../../../sockets/owner.ts";
import { withRoom } from "../../../sockets/read-buffer.ts";
import type { Upstream } from "../../../upstream/upstream.ts";
import { Relay, type RelayEnd, type RelayOwner } from "../../relay/relay.ts";
import { isTooOld, retirementOf } from "../../retirement.ts";
import type { ExchangeClient, HttpConnection } from "../client.ts";
import { Exchange } from "../exchange.ts";
import { LastForwarded } from "../forwarded.ts";
import type { HttpFrontend } from "../frontend.ts";
import type { HttpPlane } from "../plane.ts";
import { BodyPace } from "./body-pace.ts";
import { ClientOutput, type OutputOwner } from "./client-output.ts";
import { ClientWatch } from "./client-watch.ts";
import { Http2Connection } from "./http2-connection.ts";
import { countVersion } from "./http2-counts.ts";
import { LastWords } from "./last-words.ts";
import { type RequestOwner, RequestPort } from "./request-port.ts";
import { Traffic } from "./traffic.ts";

const nothing = Buffer.alloc(0);

/** The most bytes that are kept of requests before their turn. */
const mostHeld = 65_536;

/** Idle connections of a process that drains are closed within this time, in milliseconds, so that clients do not come back all at once. */
const drainSpread = 2_000;

/**
 * A client's connection that speaks HTTP/1: its requests one after the other, each with an exchange of its own. It knows
 * when the client has to say what by; the exchange knows all about backends.
 */
export class Http1Connection
  extends SocketOwner
  implements Open, RequestOwner, ExchangeClient, OutputOwner, RelayOwner
{
  readonly connection: HttpConnection;
  readonly frontend: HttpFrontend;
  readonly protocol = "HTTP/1.1";
  readonly forwarded = new LastForwarded();
  readonly response: Http1ResponseWriter;
  readonly #plane: HttpPlane;
  readonly #chain: Chain;
  readonly #client: OwnedSocket;
  readonly #front: Http1Front;
  readonly #traffic: Traffic;
  place = outside;
  exchange: Exchange | undefined = undefined;
  #relay: Relay | undefined = undefined;
  /** Closing: what the client still sends is dropped. */
  #lastWords: LastWords | undefined = undefined;
  /** The state that the front was in last, and since when; by {@link clock}. */
  #noted = "";
  #since = clock.now;
  /** When it is too old for another request, by performance.now(). */
  readonly #retiresAt: number;
  /** When it is to be closed if it is idle, by performance.now(). */
  #closesAt = Number.POSITIVE_INFINITY;
  /** Of the present request's body. */
  readonly #pace = new BodyPace();
  readonly #watch: ClientWatch;
  /** The client's first bytes, as long as they may be those of HTTP/2; undefined: it speaks HTTP/1. */
  #begin: Buffer | undefined;

  /** @param chain that was chosen. */
  constructor(plane: HttpPlane, connection: HttpConnection, chain: Chain, frontend: HttpFrontend) {
    super();
    const { client, tls } = connection;
    const { maxAge, versions } = frontend.front;
    this.#plane = plane;
    this.#begin = tls === undefined && versions.includes("2") ? nothing : undefined;
    this.connection = connection;
    this.#traffic = new Traffic(plane, connection);
    this.frontend = frontend;
    this.#chain = chain;
    this.#watch = new ClientWatch(connection);
    this.#client = client;
    const scheme = tls === undefined ? "http" : "https";
    this.#front = new Http1Front({ scheme, limits: frontend.limits, held: mostHeld }, new RequestPort(this));
    this.response = new Http1ResponseWriter(this.#front, new ClientOutput(client, this));
    this.#retiresAt = retirementOf(maxAge);
    plane.open.add(this);
    serveClient(client, this);
  }

  override clientBytes(length: number, buffer: Uint8Array): void {
    if (this.#lastWords !== undefined) this.#lastWords.drop(length);
    else if (this.#begin === undefined) {
      const { bytes, start, end } = withRoom(length, buffer);
      this.#receive(bytes, start, end);
    } else this.#hearVersion(Buffer.concat([this.#begin, buffer.subarray(0, length)]));
  }

  /** A client without TLS that speaks HTTP/2 says so with its first bytes (RFC 9113 section 3.3). @param bytes so far. */
  #hearVersion(bytes: Buffer): void {
    const known = Math.min(bytes.length, preface.length);
    if (bytes.compare(preface, 0, known, 0, known) !== 0) {
      this.#begin = undefined;
      this.#receive(bytes, 0, bytes.length);
    } else if (known < preface.length) this.#begin = bytes;
    else {
      this.#plane.open.delete(this);
      handOverClient(this.#client);
      this.#client.unshift(bytes);
      new Http2Connection(this.#plane, this.connection, this.#chain, this.frontend);
    }
  }

  #receive(bytes: Buffer, start: number, end: number): void {
    if (this.#traffic.received === 0)
      countVersion(this.#plane.counters, this.connection.listener.definition.counters, "1.1");
    this.#traffic.came(end - start);
    const before = this.#front.state;
    const accepts = this.#front.receive(bytes, start, end);
    if (before === "length" || before === "chunks") this.#pace.moved(clock.now);
    this.#note();
    if (accepts || this.#lastWords !== undefined || this.#relay !== undefined) return;
    this.#client.pause();
    this.#pace.pause(clock.now);
  }

  begin(head: RequestHead, last: boolean): void {
    const nth = ++this.#traffic.requests;
    this.#since = clock.now;
    this.#pace.begin(clock.now);
    const { maxRequests } = this.frontend.front;
    if (this.#isRetiring || nth === maxRequests) this.response.isLast = true;
    this.exchange = new Exchange(this.#plane, this, nth === 1);
    this.exchange.begin(head, last);
  }

  /** No request is to follow the present one. */
  get #isRetiring(): boolean {
    return this.#plane.isDraining || this.connection.listener.isRetired || clock.now > this.#retiresAt;
  }

  /** The request breaks the rules: it is answered once, where that can still be done. */
  fault(fault: Fault): void {
    if (this.exchange?.isOver !== false) this.exchange = new Exchange(this.#plane, this, true);
    this.exchange.fault(fault);
  }

  resume(): void {
    if (!this.#client.isPaused()) return;
    this.#client.resume();
    this.#pace.resume(clock.now);
  }

  over(): void {
    this.#note();
    if (this.#lastWords === undefined) this.resume();
  }

  abort(): void {
    this.#finish("request_cut", forLastBytes);
  }

  relay(upstream: Upstream): void {
    outliveRelayedWrites(this.#client, upstream.socket);
    this.#relay = new Relay(this, {
      client: this.#client,
      clientEnded: this.#client.readableEnded,
      upstream,
    });
  }

  countReceived(bytes: number): void {
    this.#traffic.came(bytes);
    this.exchange!.requestBody.received += bytes;
  }

  countSent(bytes: number): void {
    this.#traffic.went(bytes);
    if (this.#relay !== undefined) this.exchange!.sent += bytes;
  }

  get backendIsScarce(): boolean {
    return this.exchange!.backend!.dispatch.pool.isLimited;
  }

  giveUpPlace(): void {
    this.exchange!.backend!.giveUpPlace();
  }

  dropUpstream(reason: EndReason): void {
    this.exchange!.tunnelEnded(reason, false);
  }

  relayEnded(reason: EndReason, { lingers = false }: RelayEnd = {}): void {
    this.exchange!.tunnelEnded(reason, lingers);
    this.#finish(reason, lingers ? forLastBytes : undefined);
  }

  outputClosed(): void {
    if (this.#lastWords !== undefined) return;
    this.#front.close();
    this.#lastWords = new LastWords(this.#client);
  }

  outputReset(): void {
    this.abort();
  }

  override clientDrained(): void {
    this.exchange?.clientDrained();
  }

  override clientEnded(): void {
    if (this.#lastWords !== undefined) {
      this.#lastWords.clientEnded();
      return;
    }
    this.#front.ended();
    this.#note();
    // Between two requests, or before the first: there is nobody left to serve.
    if (this.#front.state === "closed" && this.exchange?.isOver !== false) this.#closeInOrder();
  }

  #closeInOrder(): void {
    if (this.#lastWords === undefined) this.outputClosed();
  }

  override clientFailed(): void {
    this.end(this.#lastWords === undefined ? "client_reset" : this.#lastWords.reason);
  }

  override clientClosed(): void {
    this.end(this.#lastWords === undefined ? "client_reset" : this.#lastWords.reason);
  }

  endIfOverdue(now: number): void {
    const end = this.#watch.look(now, this.#chain.timeouts.stall);
    if (end !== undefined) {
      this.end(end);
      return;
    }
    if (this.#watch.takes) this.#clientTakes(now);
    if (this.#relay !== undefined) {
      const { timeouts, maxAge } = this.frontend.front;
      if (isTooOld(now, this.#retiresAt, maxAge, this.#relay)) this.relayEnded("max_age");
      else this.#relay.endIfOverdue(now, { ...this.#chain.timeouts, idle: timeouts.upgradedIdle });
    } else if (this.#lastWords !== undefined) {
      if (this.#lastWords.isOverdue(now, this.frontend.front.timeouts.idle)) this.end("client_reset");
    } else {
      if (this.#isRetiring && !this.response.hasBegun) this.response.isLast = true;
      this.exchange?.endIfOverdue(now);
      this.#endPhaseIfOverdue(now);
    }
  }

  /** Slowly, but it takes what waits: nothing is overdue for that. */
  #clientTakes(now: number): void {
    this.exchange?.clientTakes();
    this.#lastWords?.clientTakes(now);
  }

  #endPhaseIfOverdue(now: number): void {
    const { requestHeader, keepAlive } = this.frontend.front.timeouts;
    const quiet = now - this.#since;
    switch (this.#front.state) {
      case "idle":
        if (this.#isRetiring && this.#closesAt === Number.POSITIVE_INFINITY)
          this.#closesAt = now + Math.random() * drainSpread;
        if (quiet > keepAlive || now > this.#closesAt) this.#closeInOrder();
        break;
      case "head":
        if (quiet > requestHeader) this.#tooSlow("request_timeout");
        break;
      case "length":
      case "chunks":
        this.#refuseIfTooSlow(now);
    }
  }

  #refuseIfTooSlow(now: number): void {
    const { limits, timeouts } = this.frontend.front;
    const { began, requestBody } = this.exchange!;
    const { received } = requestBody;
    const body = { began, received, idle: timeouts.bodyIdle, least: limits.minBodyRate };
    const late = this.#pace.overdue(now, body);
    if (late !== undefined) this.#tooSlow(late);
  }

  #tooSlow(reason: RequestReason): void {
    this.#front.close();
    if (this.exchange?.isOver !== false) this.exchange = new Exchange(this.#plane, this, true);
    this.exchange.refuse(reason);
  }

  vacate(slot: number): void {
    if (this.#relay === undefined) this.exchange?.vacate(slot);
    else if (this.exchange!.isOn(slot)) this.relayEnded("backend_drained");
  }

  get number(): number {
    return this.connection.number;
  }

  tell(now: number): WorkerSession {
    return this.#traffic.tell(this.#state, this.exchange === undefined ? [] : [this.exchange], now);
  }

  get #state(): SessionState {
    if (this.#relay !== undefined) return "upgraded";
    if (this.#lastWords !== undefined) return "closing";
    return this.exchange?.isOver === false ? "requests" : "idle";
  }

  /** Ends now, whatever is under way. */
  end(reason: EndReason): void {
    this.#finish(reason);
  }

  /** @param linger as {@link Connection.close} takes it. */
  #finish(reason: EndReason, linger?: Patience): void {
    if (!this.#plane.open.delete(this)) return;
    this.#front.close();
    if (this.exchange?.forward?.isSwitched) this.exchange.tunnelEnded(reason, false);
    else this.exchange?.abandon(requestReasonOf(reason, "client_reset"));
    this.#traffic.log(reason, this.connection.close(reason, linger));
  }

  /** Notes since when the front is in the state that it is in. */
  #note(): void {
    const { state } = this.#front;
    if (state === this.#noted) return;
    this.#noted = state;
    this.#since = clock.now;
  }
}
