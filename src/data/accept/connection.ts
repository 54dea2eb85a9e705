import type { Socket } from "node:net";
import type { SecureContext, TLSSocket } from "node:tls";
import { endReasonList, handshakeOutcomes, listenerCell } from "../../channel/counters.ts";
import { recordValue } from "../../channel/histogram.ts";
import { formatAddress, unmapAddress } from "../../lib/address.ts";
import { outside } from "../../lib/crowd.ts";
import type { ProxyHeader } from "../../lib/proxy-protocol/header.ts";
import type { Chain, Protocol } from "../../model/chain.ts";
import type { SessionState, WorkerSession } from "../../model/open-session.ts";
import type { EndReason, HandshakeResult } from "../../model/reasons.ts";
import { logSession, type SessionRecord } from "../../observe/session-log.ts";
import { isChain } from "../decide/chains.ts";
import type { Peer } from "../decide/router.ts";
import type { Open } from "../open.ts";
import { attachClient, attachTls, detachClient } from "../sockets/events.ts";
import { forLastWords, type Patience } from "../sockets/linger.ts";
import { nobody, type OwnedSocket, own, SocketOwner } from "../sockets/owner.ts";
import { outliveRefusal } from "../sockets/refusals.ts";
import type { AcceptingListener, AcceptingPlane } from "./accepting.ts";
import { admitAddress, countPending, release } from "./admission.ts";
import { beginValidation } from "./challenges.ts";
import { type ClientHello, normaliseServerName } from "./client-hello.ts";
import { closeClient } from "./close.ts";
import { type Phase, phases } from "./connection-phases.ts";
import { FirstBytes, type FirstReader } from "./first-bytes.ts";
import { BeginReader, type HelloListener, HelloReader } from "./hello.ts";
import { fatalAlert } from "./last-words.ts";
import { isNews } from "./plain-protocols.ts";
import { type PostgresListener, PostgresReader } from "./postgres.ts";
import { type ProxyHeaderListener, ProxyReader } from "./proxy-header.ts";
import { connectionRecord, type ProxyFacts, type TlsFacts, tellConnection } from "./record.ts";

/**
 * Serves connections from the handshake on. It becomes the owner of `connection.client` and takes the connection's place
 * in the plane's set of what is open; `connection.close` must follow, once.
 * @param chain that was chosen.
 */
export type Serve<L extends AcceptingListener> = (connection: Connection<L>, chain: Chain) => void;

/** The plane of a worker, with who serves the connections of its listeners. */
export type ServingPlane<L extends AcceptingListener> = AcceptingPlane & { readonly serve: Serve<L> };

/** Of a connection that nobody serves yet, or no more. */
const tellPhase: Readonly<Record<Phase, SessionState>> = {
  header: "header",
  hello: "hello",
  handshake: "handshake",
  served: "closing",
  closed: "closing",
};

/** Connections of this worker so far. */
let accepted = 0;

/**
 * One accepted client connection, from accept to close. Its methods stand in the order of its life: accept → header →
 * hello → handshake → handed on → close. It knows no pool and no backend: they concern whoever it is handed on to.
 */
export class Connection<L extends AcceptingListener = AcceptingListener>
  extends SocketOwner
  implements Open, ProxyHeaderListener, PostgresListener, HelloListener
{
  /** Among the connections of this worker, from 1. */
  readonly number: number = ++accepted;
  place = outside;
  readonly listener: L;
  /** The accepted socket, underneath TLS where there is TLS. */
  readonly raw: OwnedSocket;
  client: OwnedSocket;
  phase: Phase = "hello";
  clientAddress: string;
  clientPort: number;
  /** Undefined: no PROXY header came. */
  proxy: ProxyFacts | undefined = undefined;
  serverName = "";
  /** Undefined: no handshake with umay is over. */
  tls: TlsFacts | undefined = undefined;
  /** The TLS settings of its handshake. */
  #settings = "";
  readonly #plane: ServingPlane<L>;
  #first: FirstBytes | undefined = undefined;
  #undecided = true;
  /** A certificate authority looks for the answer of a challenge. */
  #validates = false;
  /** By performance.now(). */
  readonly acceptedAt: number;
  /** Where the client's address is counted. */
  #addressPlace: number;

  /** Accept: the connection has been admitted. @param addressPlace as {@link admit} gave it. */
  constructor(plane: ServingPlane<L>, listener: L, socket: Socket, addressPlace: number) {
    super();
    this.listener = listener;
    this.raw = own(socket, this);
    this.client = this.raw;
    this.clientAddress = unmapAddress(socket.remoteAddress ?? "");
    this.clientPort = socket.remotePort ?? 0;
    this.#plane = plane;
    this.acceptedAt = performance.now();
    this.#addressPlace = addressPlace;
    plane.open.add(this);
    countPending(listener, plane, 1);
    listener.undecided++;
    attachClient(this.raw);
    if (listener.definition.proxyProtocol === undefined) this.negotiate();
    else this.read("header", new ProxyReader(this));
  }

  private read(phase: "header" | "hello", reader: FirstReader): void {
    this.phase = phase;
    this.#first = new FirstBytes(this.raw, reader);
  }

  /** Header and hello: a reader has more. */
  override clientData(chunk: Buffer): void {
    const taken = this.#first?.add(chunk);
    if (taken !== undefined) this.settleFirstBytes(taken);
  }

  /** Header and hello: goes on with what came so far. @param taken how many bytes the reader takes away. */
  settleFirstBytes(taken = 0): void {
    const first = this.#first;
    if (first === undefined) return;
    this.#first = undefined;
    first.stop(taken);
    first.reader.done();
  }

  /** Header: tells whom the connection is for; without an address it is the sender's own, a health check say. */
  introduced(header: ProxyHeader): void {
    const { source } = header;
    this.proxy = { header, via: source === undefined ? "" : this.clientAddress, came: performance.now() };
    if (source !== undefined) {
      this.clientAddress = source.address;
      this.clientPort = source.port;
      const place = admitAddress(this.listener, this.#plane, source.address);
      if (typeof place === "string") {
        this.end(place);
        return;
      }
      this.#addressPlace = place;
    }
    this.negotiate();
  }

  /** Header: there is none, or none that can be read. */
  notIntroduced(detail: string): void {
    this.finish("proxy_header", { proxyError: detail, silent: this.silent });
  }

  get silent(): boolean {
    return this.#first?.empty ?? false;
  }

  /** Hello: what comes before it, where the protocol of the listener begins in the clear. */
  private negotiate(): void {
    const [tls] = this.listener.definition.tls;
    if (tls?.starttls !== "postgres") this.upgraded();
    else this.read("hello", new PostgresReader(this, tls.passesPlain === true));
  }

  /** Hello: an answer in the clear. */
  reply(bytes: Buffer): void {
    this.raw.write(bytes);
  }

  /** Hello: nothing comes in the clear any more. */
  upgraded(): void {
    this.readHello();
  }

  declined(): void {
    this.greeted("other", undefined);
  }

  /** Hello: is read where the listener has to know it before it goes on. TLS is begun when there is something to read. */
  private readHello(): void {
    const { readsHello, presumes } = this.listener.greeting;
    if (readsHello) this.read("hello", new HelloReader(this, presumes));
    else if (presumes === "tls") this.read("hello", new BeginReader(this));
    else this.greeted(presumes, undefined);
  }

  /** Hello: it is known what the client speaks. @param hello where it speaks TLS and the listener reads hellos. */
  greeted(protocol: Protocol, hello: ClientHello | undefined): void {
    const validation = hello && this.#plane.challenges.contextFor(hello);
    if (validation !== undefined) {
      this.secure("", "", validation);
      return;
    }
    const offer = hello && this.named(hello);
    const course = this.listener.chains.atHello(protocol, offer, this.peer());
    const serverName = hello?.serverName ?? "";
    if (course === "unknown_name" || course === "no_certificate")
      this.handshakeFailed(course, serverName, fatalAlert("unrecognized_name"));
    else if (!isChain(course)) this.secure(course.settings, offer?.serverName ?? "");
    else {
      if (course.tls === "passthrough") this.serverName = serverName;
      this.handOn(course);
    }
  }

  /** Where it was going: by a PROXY header, where one came. Undefined: it came by a unix socket. */
  get destination(): string | undefined {
    const { address = this.raw.localAddress, port = this.raw.localPort } =
      this.proxy?.header.destination ?? {};
    if (address === undefined || port === undefined) return undefined;
    return formatAddress({ kind: "tcp", host: unmapAddress(address), port });
  }

  /** Hello: a client that names nobody is offered what the address has that it connected to (no SNI has addresses, RFC 6066). */
  private named(hello: ClientHello): ClientHello {
    if (hello.serverName !== "" || !this.listener.namesAddresses) return hello;
    const address = this.proxy?.header.destination?.address ?? this.raw.localAddress;
    return { ...hello, serverName: unmapAddress(address ?? "") };
  }

  /** Handshake: begins. @param validation for a certificate authority. */
  private secure(settings: string, serverName: string, validation?: SecureContext): void {
    this.phase = "handshake";
    this.#settings = settings;
    this.#validates = validation !== undefined;
    detachClient(this.raw);
    try {
      const { raw } = this;
      const secured =
        validation === undefined
          ? this.listener.terminationOf(settings).begin(raw, serverName)
          : beginValidation(raw, validation);
      this.client = own(secured, this);
    } catch (error) {
      this.handshakeFailed("failed", (error as Error).message);
      return;
    }
    attachClient(this.client);
    attachTls(this.client);
    outliveRefusal(this.client);
  }

  /** Handshake: done. */
  override clientSecured(): void {
    const socket = this.client as unknown as TLSSocket;
    const took = performance.now() - this.acceptedAt;
    this.serverName = normaliseServerName(socket.servername || "");
    const alpn = socket.alpnProtocol || "";
    const version = socket.getProtocol() ?? "";
    if (this.#validates) {
      this.finish("acme_validation", {}, forLastWords);
      return;
    }
    const { client, refusal, lastWords } = this.listener.terminationOf(this.#settings).judge(socket);
    this.tls = { settings: this.#settings, alpn, version, client, took };
    if (refusal !== undefined) {
      this.handshakeFailed(refusal.result, refusal.detail, lastWords);
      return;
    }
    const base = this.listener.definition.counters;
    this.countHandshake(version === "TLSv1.2" ? 0 : 1);
    recordValue(this.#plane.counters, base + listenerCell.handshakeDuration, took * 1000);
    this.handOn(this.listener.chains.afterHandshake(this.#settings, this.serverName, alpn, this.peer()));
  }

  /** Hello and handshake: who came, and to which port. */
  peer(): Peer {
    const { looksAtPort, looksAtEnds } = this.listener.chains;
    const to = looksAtPort || looksAtEnds ? this.proxy?.header.destination : undefined;
    const port = looksAtPort ? (to?.port ?? this.raw.localPort ?? 0) : 0;
    if (!looksAtEnds) return { client: this.clientAddress, port };
    const local = unmapAddress(to?.address ?? this.raw.localAddress ?? "");
    return { client: this.clientAddress, port, local, clientPort: Number(this.clientPort) || 0 };
  }

  spokePlain(description: string): void {
    const notable = isNews(this.listener.definition.name, description, performance.now());
    this.handshakeFailed("not_tls", description, undefined, notable);
  }

  /** Hello and handshake: failed. @param lastWords go to the client as they are, past TLS. @param notable for the log. */
  handshakeFailed(result: HandshakeResult, detail: string, lastWords?: Buffer, notable = false): void {
    if (lastWords !== undefined) {
      // Nothing may follow a verdict. Under TLS that has failed, the end follows when TLS has let go of the socket.
      if (this.client === this.raw || this.tls !== undefined) this.raw.end(lastWords);
      else this.raw.write(lastWords);
    }
    this.countHandshake(handshakeOutcomes.findIndex((outcome) => outcome.result === result));
    const tlsError = detail === "" ? result : `${result}: ${detail}`;
    const usual = result === "timeout" ? "handshake_timeout" : "handshake_failed";
    // An authority leaves as soon as it has the certificate, often without the end of the handshake.
    const reason = this.#validates ? "acme_validation" : usual;
    this.finish(reason, { tlsError, notable }, lastWords && forLastWords);
  }

  /** Handed on: what is to be known is known. */
  private handOn(chain: Chain): void {
    if (chain.serve.kind === "refuse") {
      this.end("no_chain");
      return;
    }
    countPending(this.listener, this.#plane, -1);
    this.phase = "served";
    this.#plane.open.delete(this);
    this.#plane.serve(this, chain);
  }

  override clientFailed(error: NodeJS.ErrnoException): void {
    phases[this.phase].failed(this, error);
  }

  /** Only a handshake breaks while the connection owns the socket: `clientFailed` follows. */
  override clientTlsFailed(): void {}

  override clientEnded(): void {
    phases[this.phase].gone(this);
  }

  override clientClosed(): void {
    phases[this.phase].gone(this);
  }

  endIfOverdue(now: number): void {
    phases[this.phase].endIfOverdue(this, now - (this.proxy?.came ?? this.acceptedAt));
  }

  /** It is on no backend yet. */
  vacate(): void {}

  tell(now: number): WorkerSession {
    return tellConnection(this, tellPhase[this.phase], now);
  }

  /** Before it is handed on; afterwards, who serves it ends it. */
  end(reason: EndReason): void {
    this.finish(reason, {});
  }

  private finish(
    reason: EndReason,
    errors: Partial<Pick<SessionRecord, "tlsError" | "proxyError" | "silent" | "notable">>,
    patience?: Patience,
  ): void {
    if (this.phase === "served" || this.phase === "closed") return;
    countPending(this.listener, this.#plane, -1);
    this.#plane.open.delete(this);
    const duration = this.close(reason, patience);
    const { logger, logSessions } = this.#plane;
    if (logSessions) logSession(logger, Object.assign(connectionRecord(this, reason, duration), errors));
  }

  /** It has a backend, or will have none: it chooses no pool of its listener any more. */
  decided(): void {
    if (!this.#undecided) return;
    this.#undecided = false;
    this.listener.decided();
  }

  /**
   * Close: once, whoever has it. Sockets that are still open are reset, so that nothing that was cut short looks complete.
   * @param patience how long the client has for what it was sent last; undefined: no time.
   * @returns how long it was open, in milliseconds.
   */
  close(reason: EndReason, patience?: Patience): number {
    const { counters } = this.#plane;
    const { definition } = this.listener;
    const served = this.phase === "served";
    this.phase = "closed";
    this.decided();
    this.raw.owner = nobody;
    this.client.owner = nobody;
    const failed = this.tls === undefined ? "failed" : "refused";
    const handshake = reason === "handshake_failed" ? failed : "done";
    closeClient(this.raw, this.client, definition.bind.kind, { patience, handshake });
    counters[definition.counters + listenerCell.ends + endReasonList.indexOf(reason)]! += 1;
    const duration = performance.now() - this.acceptedAt;
    if (served) recordValue(counters, definition.counters + listenerCell.sessionDuration, duration * 1000);
    release(this.listener, this.#plane, this.#addressPlace);
    return duration;
  }

  private countHandshake(outcome: number): void {
    this.#plane.counters[this.listener.definition.counters + listenerCell.handshakes + outcome]! += 1;
  }
}
