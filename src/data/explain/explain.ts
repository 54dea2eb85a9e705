import { isIP } from "node:net";
import type { SharedMemory } from "../../channel/memory.ts";
import { type Protocol, relayTarget } from "../../model/chain.ts";
import type {
  CertificateExplanation,
  ExplainRequest,
  Explanation,
  PoolExplanation,
  TlsExplanation,
} from "../../model/explanation.ts";
import { speaksOnlyHttp1 } from "../../model/http/backend.ts";
import type { HttpQuestion } from "../../model/http/explanation.ts";
import type { HttpServe } from "../../model/http/front.ts";
import { httpRefusals } from "../../model/http/refusals.ts";
import { type ClientHello, normaliseServerName } from "../accept/client-hello.ts";
import type { Termination } from "../accept/tls.ts";
import { usualProtocol } from "../decide/greeting.ts";
import type { Routing } from "../decide/http/routing.ts";
import { isMisdirected } from "../decide/misdirected.ts";
import { type Reception, receive } from "../decide/reception.ts";
import type { Peer } from "../decide/router.ts";
import { mainTarget } from "../decide/target.ts";
import { endWithoutPick, refusalToWait } from "../decide/wait.ts";
import type { Plane, ServedListener } from "../plane.ts";
import { explainAdmission } from "./admission.ts";
import { explainHttp } from "./http.ts";
import { type ExplainedPool, explainPool } from "./pool.ts";
import { explainRoutes } from "./route.ts";

/** The state that decides besides the request. */
export interface Surroundings {
  readonly plane: Pick<Plane, "shared" | "handshakes">;
  /** 1 to count; undefined: no worker, the state is made of a file. */
  readonly worker: number | undefined;
  /** The routes of a listener that speaks HTTP. */
  readonly routing?: Routing | undefined;
}

/**
 * Tells what would become of a connection, and why. The functions of `decide` say so, which connections and sessions act
 * on, and the pool's own picker. Opens nothing and counts nothing.
 */
export function explain(
  listener: ServedListener,
  { plane, worker, routing }: Surroundings,
  request: ExplainRequest,
): Explanation {
  const { definition } = listener;
  const { client, via, alpn } = request;
  const serverName = normaliseServerName(request.serverName);
  const protocol = request.protocol ?? usualProtocol(listener.greeting, definition.chains);
  const admission = explainAdmission(listener, plane, { client, via });
  const came = admission.admitted
    ? follow(listener, plane.shared, { client, protocol, serverName, alpn, routing, http: request.http })
    : {};
  const reason = admission.reason ?? came.reason ?? null;
  return {
    served: reason === null,
    reason,
    request: { listener: definition.name, client, via: via ?? null, sni: serverName, alpn, protocol },
    worker: worker ?? null,
    admission,
    tls: came.tls ?? null,
    route: came.route ?? null,
    pool: came.pool ?? null,
    http: came.http ?? null,
    notes: [
      ...notesOn(listener, request, { protocol, serverName }),
      ...(came.pool != null && came.http?.call != null ? callNotes(listener, came.pool) : []),
    ],
  };
}

/** An admitted connection, with what its hello says if it speaks TLS. */
interface Admitted extends ClientHello {
  readonly client: string;
  readonly protocol: Protocol;
  readonly routing: Routing | undefined;
  readonly http: HttpQuestion | undefined;
}

/** A chain was found. */
type Received = Extract<Reception, { readonly reason: null }>;

type Stages = Partial<Pick<Explanation, "reason" | "tls" | "route" | "pool" | "http">>;

function follow(listener: ServedListener, shared: SharedMemory, connection: Admitted): Stages {
  const { client, protocol, serverName, alpn } = connection;
  const named = serverName || addressOf(listener);
  const reception = receive(listener, protocol, { serverName: named, alpn }, peerOf(client, listener));
  const tls = explainTls(listener, reception, named);
  if (reception.reason !== null) return { reason: reception.reason, tls };
  const { chain, asked } = reception;
  if (chain.serve.kind === "http")
    return { tls, ...followRequest(listener, shared, { reception, serve: chain.serve }, connection) };
  const route = explainRoutes(listener.definition, chain, asked);
  if (chain.serve.kind === "refuse") return { reason: "no_chain", tls, route };
  const { pool: name, subset } = mainTarget(relayTarget(chain.serve))!;
  const served = listener.poolNamed(name)!;
  const known = (asked.session ?? asked.hello!).serverName === "" ? "" : serverName;
  const pool = explainPool(served, shared, { clientAddress: client, serverName: known, subset });
  return {
    reason: pickRefusal(pool, served, shared),
    tls,
    route,
    pool,
  };
}

/**
 * The address that chooses a certificate for clients that name nobody; empty where none does, or where they may have
 * connected to one of several.
 */
function addressOf({ namesAddresses, definition: { addresses } }: ServedListener): string {
  const [only, ...others] = addresses;
  return namesAddresses && only?.kind === "tcp" && others.length === 0 ? only.host : "";
}

/** A client, and the address that it connects to, where no proxy says otherwise. Nobody knows its port. */
function peerOf(client: string, { definition: { addresses } }: ServedListener): Peer {
  const [first] = addresses;
  if (first?.kind !== "tcp") return { client, port: 0 };
  return { client, port: first.port, local: isIP(first.host) === 0 ? undefined : first.host };
}

/** Tells what becomes of a request on a connection that speaks HTTP. */
function followRequest(
  listener: ServedListener,
  shared: SharedMemory,
  { reception, serve }: { readonly reception: Received; readonly serve: HttpServe },
  { client, serverName, routing, http: question }: Admitted,
): Stages {
  if (routing === undefined || question === undefined) return {};
  const { settings } = reception;
  const peer = peerOf(client, listener);
  const asked = {
    question,
    peer: client,
    isMisdirected:
      settings !== undefined &&
      isMisdirected(listener, { settings, serverName, alpn: reception.alpn }, peer, question.host),
  };
  const { http, refusal, target } = explainHttp(routing, serve.front, asked);
  if (target === undefined) return { http, reason: refusal };
  const { pool: name, key, subset } = target;
  const served = listener.poolNamed(name);
  if (served === undefined) return { http, reason: "no_backend" };
  const { client: clientAddress } = http.request;
  if (served.definition.invalid !== undefined) {
    const reason = "invalid_backend";
    const answer = { status: httpRefusals[reason].status, reason, location: null } as const;
    return { http: { ...http, answer }, reason };
  }
  const pool = explainPool(served, shared, { clientAddress, serverName, key, subset });
  return { http, pool, reason: pickRefusal(pool, served, shared) };
}

/** Why it ends where a backend is to be picked; null: it has one, or waits for one. */
function pickRefusal(
  { waits, backends }: PoolExplanation,
  { definition }: ExplainedPool,
  { poolWaiting }: SharedMemory,
): Explanation["reason"] {
  if (waits !== null)
    return refusalToWait(waits, poolWaiting[definition.slot]! < definition.queue.size) ?? null;
  return backends.some(({ skipped }) => skipped === null) ? null : endWithoutPick("none", true);
}

/** The parts of a reception that are told by themselves. */
const handlings = {
  refused: "refused",
  disagreed: "refused",
  terminated: "terminated",
  passed_through: "passed_through",
  none: "none",
} as const satisfies Record<Reception["kind"], TlsExplanation["handling"]>;

function explainTls(listener: ServedListener, reception: Reception, serverName: string): TlsExplanation {
  const handling = handlings[reception.kind];
  const settings = "settings" in reception ? reception.settings : undefined;
  if (settings === undefined) return { handling, certificate: null, alpn: null, client_auth: null };
  return {
    handling,
    certificate: explainCertificate(listener.terminationOf(settings), serverName),
    alpn: (reception.reason === null && reception.alpn) || null,
    client_auth: listener.definition.tls.find(({ name }) => name === settings)?.clientAuth?.mode ?? null,
  };
}

function explainCertificate(termination: Termination, serverName: string): CertificateExplanation {
  const { certificates, by, pattern } = termination.choice(serverName);
  return { files: certificates.map(({ source }) => source.cert), by, name: pattern ?? null };
}

/** Each with whether it is to be told. */
function notesOn(
  { definition: { proxyProtocol, tls }, greeting }: ServedListener,
  { client, via, serverName: given, alpn }: ExplainRequest,
  { protocol, serverName }: Pick<Admitted, "protocol" | "serverName">,
): string[] {
  const speaksTls = protocol === "tls";
  const notes: readonly (readonly [boolean, string])[] = [
    [
      proxyProtocol !== undefined && via === undefined,
      `the listener has proxy_protocol: a trusted proxy that brings ${client} is assumed`,
    ],
    [
      proxyProtocol === undefined && via !== undefined,
      "the listener has no proxy_protocol: for it, the proxy itself is the client",
    ],
    [given !== "" && serverName === "", `${given} is no DNS name, so it counts as none`],
    [
      (given !== "" || alpn.length > 0) && (!speaksTls || greeting.presumes === "other"),
      "server name and ALPN are not looked at",
    ],
    [
      speaksTls && tls.length > 0 && tls.every(({ clientAuth }) => clientAuth?.mode === "require"),
      "the client must show a certificate, which is not judged here",
    ],
  ];
  return notes.filter(([holds]) => holds).map(([, note]) => note);
}

/** Of a call of gRPC: its trailers need HTTP/2 on the whole way. */
function callNotes(listener: ServedListener, { name }: PoolExplanation): string[] {
  return speaksOnlyHttp1(listener.poolNamed(name)!.definition)
    ? [`pool ${name} speaks HTTP/1.1, and calls of gRPC need http.version = "2"`]
    : [];
}
