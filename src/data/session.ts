import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { endReasonList, handshakeOutcomes, listenerCell } from "../channel/counters.ts";
import { recordValue } from "../channel/histogram.ts";
import { unmapAddress } from "../lib/address.ts";
import type { ProxyHeader } from "../lib/proxy-protocol/header.ts";
import type { PlacedBackend, Skipped } from "../model/backend.ts";
import type { Protocol, Route } from "../model/listener.ts";
import type { EndReason, HandshakeResult } from "../model/reasons.ts";
import { admitAddress, countPending, release } from "./accept/admission.ts";
import { type ClientHello, normaliseServerName } from "./accept/client-hello.ts";
import { type FirstBytes, type FirstBytesSession, readFirstBytes } from "./accept/first-bytes.ts";
import { describeTlsError } from "./accept/handshake-failure.ts";
import { HelloReader } from "./accept/hello.ts";
import { unrecognizedName } from "./accept/last-words.ts";
import { ProxyReader } from "./accept/proxy-header.ts";
import type { Termination } from "./accept/tls.ts";
import { readTime } from "./clock.ts";
import { type Attempt, abandonAttempt, connectNext, dropUpstream } from "./dispatch/attempts.ts";
import { reportSilence, reportSuccess } from "./dispatch/report.ts";
import type { ServedPool } from "./pick/pool.ts";
import type { Plane, ServedListener } from "./plane.ts";
import { recordSession } from "./record.ts";
import type { RelaySession, SessionSocket } from "./serve/relay/relay.ts";
import * as relay from "./serve/relay/relay.ts";
import { attachClient, attachTls, detachClient, relayUpstream } from "./session-events.ts";
import { resetSocket } from "./sockets/reset.ts";
import type { BackendTls } from "./upstream/tls.ts";

type Phase = "header" | "hello" | "handshake" | "queue" | "connect" | "relay" | "ended";

/**
 * One accepted client connection, from accept to its last byte. Its methods stand in the order of its life:
 * accept → header → hello → handshake → route → pick (→ queue) → connect → relay → end. Pick and connect are in
 * `connect/attempts.ts`.
 */
export class Session implements RelaySession, FirstBytesSession {
  readonly plane: Plane;
  readonly listener: ServedListener;
  /** The accepted socket, underneath TLS where there is TLS. */
  readonly raw: SessionSocket;
  client: SessionSocket;
  firstBytes: FirstBytes | undefined = undefined;
  /** The listener's own, until a route says otherwise. */
  pool: ServedPool;
  routed = false;
  upstream: SessionSocket | undefined = undefined;
  /** The socket to the backend, underneath TLS where there is TLS. */
  upstreamRaw: SessionSocket | undefined = undefined;
  /** Of the present attempt; undefined: plain TCP. */
  upstreamTls: BackendTls | undefined = undefined;
  backend: PlacedBackend | undefined = undefined;
  /** Whether it has a place in the pool's retry budget. */
  retrying = false;
  phase: Phase = "hello";
  clientKeepsBytes = true;
  clientAddress: string;
  clientPort: number;
  /** The proxy that brought the client, where a PROXY header said that there is one. */
  via = "";
  proxyError = "";
  /** What a proxy in front said of the client's connection to it. */
  header: ProxyHeader | undefined = undefined;
  serverName = "";
  alpn = "";
  tlsVersion = "";
  tlsError = "";
  /** Who the client is, by its certificate. */
  clientCertificate = "";
  readonly attempts: Attempt[] = [];
  /** How many backends its pool had when it was last picked from; undefined: it was not. */
  candidates: number | undefined = undefined;
  /** Backends that its picks passed over; undefined: none. */
  skipped: readonly Skipped[] | undefined = undefined;
  /** By performance.now(). */
  readonly accepted: number;
  handshakeTook = 0;
  /** In the pool's queue. */
  queueTook = 0;
  connectTook = 0;
  /** When a byte moved, by the coarse clock, or the phase began. */
  lastActive: number;
  /** When the client's last bytes before the backend's first ones went to it, or it was connected. */
  asked = 0;
  received = 0;
  sent = 0;
  clientEnded = false;
  backendEnded = false;
  firstEnd: "client" | "backend" | undefined = undefined;
  /** The backend took no more of the client's bytes, after it had ended its own direction. */
  backendGone = false;
  /** Where the client's address is counted. */
  addressPlace: number;

  /** Accept: the connection has been admitted. @param addressPlace as {@link admit} gave it. */
  constructor(plane: Plane, listener: ServedListener, raw: Socket, addressPlace: number) {
    this.plane = plane;
    this.listener = listener;
    this.raw = raw as SessionSocket;
    this.client = this.raw;
    this.pool = listener.pool;
    this.accepted = performance.now();
    this.lastActive = this.accepted;
    this.clientAddress = unmapAddress(raw.remoteAddress ?? "");
    this.clientPort = raw.remotePort ?? 0;
    plane.sessions.add(this);
    this.raw.session = this;
    this.addressPlace = addressPlace;
    countPending(listener, plane, 1);
    if (listener.readsFirstBytes || listener.termination === undefined) attachClient(this.raw);
    if (listener.definition.proxyProtocol === undefined) this.readHello();
    else {
      this.phase = "header";
      readFirstBytes(this, new ProxyReader(this));
    }
  }

  /** Header: tells whom the connection is for; without an address it is the sender's own, a health check say. */
  introduced(header: ProxyHeader): void {
    const { source } = header;
    this.header = header;
    if (source !== undefined) {
      this.via = this.clientAddress;
      this.clientAddress = source.address;
      this.clientPort = source.port;
      const place = admitAddress(this.listener, this.plane, source.address);
      if (typeof place === "string") {
        this.end(place);
        return;
      }
      this.addressPlace = place;
    }
    this.lastActive = performance.now();
    this.readHello();
  }

  /** Header: there is none, or none that can be read. */
  notIntroduced(detail: string): void {
    this.proxyError = detail;
    this.end("proxy_header");
  }

  /** Hello: is read where the listener has to know it before it goes on. */
  private readHello(): void {
    const { readsHello, termination, definition } = this.listener;
    this.phase = "hello";
    if (readsHello) readFirstBytes(this, new HelloReader(this, definition.detect));
    else this.greeted(termination === undefined ? "other" : "tls", undefined);
  }

  /** Hello: it is known what the client speaks. @param hello where it speaks TLS and the listener reads hellos. */
  greeted(protocol: Protocol, hello: ClientHello | undefined): void {
    const { helloRouter, router, termination } = this.listener;
    const route = hello && helloRouter.find({ serverName: hello.serverName, alpn: hello.alpn, protocol });
    switch (this.listener.courseOf(protocol, hello, route)) {
      case "passed_through":
        this.serverName = hello!.serverName;
        this.follow(route);
        break;
      case "plain":
        this.follow(router.find({ serverName: "", alpn: [], protocol }));
        break;
      case "unknown_name":
        this.handshakeFailed("unknown_name", hello!.serverName, unrecognizedName);
        break;
      case "terminated":
        this.secure(termination!, hello?.serverName ?? "");
    }
  }

  /** Handshake: begins. */
  private secure(termination: Termination, serverName: string): void {
    this.phase = "handshake";
    this.clientKeepsBytes = false;
    if (this.listener.readsFirstBytes) detachClient(this.raw);
    try {
      this.client = termination.begin(this.raw, serverName) as unknown as SessionSocket;
    } catch (error) {
      this.handshakeFailed("failed", (error as Error).message);
      return;
    }
    this.client.session = this;
    attachClient(this.client);
    attachTls(this.client);
  }

  /** Handshake: done. */
  secured(): void {
    const tls = this.client as unknown as TLSSocket;
    this.handshakeTook = performance.now() - this.accepted;
    this.serverName = normaliseServerName(tls.servername || "");
    this.alpn = tls.alpnProtocol || "";
    this.tlsVersion = tls.getProtocol() ?? "";
    const { client, refusal } = this.listener.termination!.judge(tls);
    this.clientCertificate = client;
    if (refusal !== undefined) {
      this.handshakeFailed(refusal.result, refusal.detail);
      return;
    }
    const base = this.listener.definition.counters;
    this.countHandshake(this.tlsVersion === "TLSv1.2" ? 0 : 1);
    recordValue(this.plane.counters, base + listenerCell.handshakeDuration, this.handshakeTook * 1000);
    const alpn = this.alpn === "" ? [] : [this.alpn];
    this.follow(this.listener.router.find({ serverName: this.serverName, alpn, protocol: "tls" }));
  }

  /** Handshake: failed. @param lastWords go to the client in the clear. */
  handshakeFailed(result: HandshakeResult, detail: string, lastWords?: Buffer): void {
    if (lastWords !== undefined) this.raw.write(lastWords);
    this.tlsError = detail === "" ? result : `${result}: ${detail}`;
    this.countHandshake(handshakeOutcomes.findIndex((outcome) => outcome.result === result));
    this.end(result === "timeout" ? "handshake_timeout" : "handshake_failed");
  }

  /** Route: to its pool, or to the listener's where no route matches. */
  private follow(route: Route | undefined): void {
    countPending(this.listener, this.plane, -1);
    if (route !== undefined) this.pool = this.listener.poolOf(route);
    this.routed = true;
    connectNext(this);
  }

  /** Whether the connection to the backend has come as far as TLS. */
  get securing(): boolean {
    return this.upstream !== this.upstreamRaw;
  }

  /** Relay: begins. */
  relay(): void {
    const upstream = this.upstream!;
    this.phase = "relay";
    this.lastActive = performance.now();
    this.asked = this.lastActive;
    relayUpstream(upstream, this.securing);
    this.client.on("drain", relay.onClientDrain);
    if (this.clientEnded) upstream.end();
    this.client.on("data", relay.onClientData);
    // Reading the first bytes left it paused, or it was accepted so.
    if (this.client.isPaused()) this.client.resume();
  }

  countReceived(bytes: number): void {
    if (this.sent === 0 && this.pool.latencies !== undefined) this.asked = readTime();
    this.received += bytes;
    this.plane.counters[this.listener.definition.counters + listenerCell.received]! += bytes;
  }

  countSent(bytes: number): void {
    if (this.sent === 0 && this.backend !== undefined) {
      reportSuccess(this.plane.shared, this.backend.slot);
      this.pool.latencies?.answered(this.backend.slot, this.waited());
    }
    this.sent += bytes;
    this.plane.counters[this.listener.definition.counters + listenerCell.sent]! += bytes;
  }

  /** Relay: one side has sent its last byte. */
  sideEnded(side: "client" | "backend"): void {
    this.lastActive = performance.now();
    this.firstEnd ??= side;
    if (side === "client") {
      this.clientEnded = true;
      if (this.phase === "relay") this.upstream!.end();
    } else {
      this.backendEnded = true;
      this.client.end();
    }
  }

  /** Relay: both sides have sent their last byte. */
  get bothEnded(): boolean {
    return this.clientEnded && this.backendEnded;
  }

  endedInOrder(): void {
    if (this.backendGone) this.end("backend_reset");
    else this.end(this.firstEnd === "client" ? "client_closed" : "backend_closed");
  }

  /** Relay: the connection to the backend was cut. */
  backendReset(): void {
    if (this.bothEnded) this.endedInOrder();
    else if (this.backendEnded) this.finishClient();
    else this.end("backend_reset");
  }

  /** Relay: TLS with the backend broke, or the backend said with an alert why it goes no further. */
  backendBroke(error: Error): void {
    this.tlsError = `backend: ${describeTlsError(error)}`;
    this.end("backend_tls_error");
  }

  /**
   * Relay: the backend had said all that it had to say, and was cut then. The client gets it, within the half-close
   * timeout; what the client sends has nowhere to go.
   */
  private finishClient(): void {
    this.backendGone = true;
    this.clientEnded = true;
    this.lastActive = performance.now();
    dropUpstream(this);
    this.client.destroySoon();
  }

  /** End: once, for whatever reason. What is still open is reset, so that nothing that was cut short looks complete. */
  end(reason: EndReason): void {
    if (this.phase === "ended") return;
    const handshakeOver = this.phase === "queue" || this.phase === "connect" || this.phase === "relay";
    if (this.phase === "queue") this.pool.queue.leave(this);
    if (this.phase === "connect") abandonAttempt(this);
    if (this.phase === "relay" && this.sent === 0 && this.backend !== undefined) {
      reportSilence(this.plane.shared, this.backend.slot, reason);
      // A client that asked and got nothing: an answer would have taken longer still.
      if (this.received > 0 && reason !== "backend_closed")
        this.pool.latencies?.waited(this.backend.slot, this.waited());
    }
    this.phase = "ended";
    dropUpstream(this);
    // A handshake that failed has an alert to send; OpenSSL wrote it before it told us. A client that was refused
    // after it takes the handshake for done, and may not take the end for an empty answer.
    if (reason === "handshake_failed" && this.handshakeTook === 0) this.client.destroy();
    else if (!this.client.closed) resetSocket(this.raw, this.listener.definition.bind.kind, this.client);
    const { definition } = this.listener;
    this.plane.sessions.delete(this);
    if (!handshakeOver) countPending(this.listener, this.plane, -1);
    this.plane.counters[definition.counters + listenerCell.ends + endReasonList.indexOf(reason)]! += 1;
    const duration = performance.now() - this.accepted;
    if (handshakeOver)
      recordValue(this.plane.counters, definition.counters + listenerCell.sessionDuration, duration * 1000);
    release(this.listener, this.plane, this.addressPlace);
    recordSession(this, reason, duration);
  }

  /** How long the backend took for what the client waits for: to be connected, and since it was asked; in milliseconds. */
  private waited(): number {
    return this.connectTook + readTime() - this.asked;
  }

  private countHandshake(outcome: number): void {
    this.plane.counters[this.listener.definition.counters + listenerCell.handshakes + outcome]! += 1;
  }
}
