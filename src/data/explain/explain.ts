import type { SharedMemory } from "../../channel/memory.ts";
import { type Chain, modeOf, type Protocol, rulesOf } from "../../model/chain.ts";
import type {
  CertificateExplanation,
  ExplainRequest,
  Explanation,
  PoolExplanation,
  TlsExplanation,
} from "../../model/explanation.ts";
import type { HttpQuestion } from "../../model/http/explanation.ts";
import type { HttpServe } from "../../model/http/front.ts";
import type { PlacedListener } from "../../model/snapshot.ts";
import { type ClientHello, normaliseServerName } from "../accept/client-hello.ts";
import type { Termination } from "../accept/tls.ts";
import type { Routing } from "../decide/http/routing.ts";
import type { RouteRequest } from "../decide/router.ts";
import { mainPool } from "../decide/target.ts";
import type { Plane, ServedListener } from "../plane.ts";
import { explainAdmission } from "./admission.ts";
import { explainHttp } from "./http.ts";
import { type ExplainedPool, explainPool } from "./pool.ts";
import { explainRoutes } from "./route.ts";

/** What is not decided by what the request says. */
export interface Surroundings {
  readonly plane: Pick<Plane, "shared" | "handshakes">;
  /** 1 to count; undefined: no worker, the state is made of a file. */
  readonly worker: number | undefined;
  /** Of a listener that speaks HTTP. */
  readonly routing?: Routing | undefined;
}

/** What became of a connection before it has a pool. */
interface Reception {
  readonly tls: TlsExplanation;
  readonly refusal: Explanation["reason"];
  /** What is known when the hello has come, and when nothing more is to come; see `ServedListener`. */
  readonly hello: RouteRequest | undefined;
  readonly session: RouteRequest | undefined;
  readonly chain: Chain | undefined;
}

/**
 * What would become of a connection, and why: the stages of a connection and its session, decided by the same functions. Opens nothing and
 * counts nothing.
 */
export function explain(
  listener: ServedListener,
  { plane, worker, routing }: Surroundings,
  request: ExplainRequest,
): Explanation {
  const { definition } = listener;
  const { client, via, alpn } = request;
  const serverName = normaliseServerName(request.serverName);
  const protocol = request.protocol ?? usualProtocol(listener);
  const admission = explainAdmission(listener, plane, client, via);
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
    notes: notesOn(listener, request, { protocol, serverName }),
  };
}

/** An admitted connection, with what its hello says if it speaks TLS. */
interface Admitted extends ClientHello {
  readonly client: string;
  readonly protocol: Protocol;
  readonly routing: Routing | undefined;
  readonly http: HttpQuestion | undefined;
}

type Stages = Partial<Pick<Explanation, "reason" | "tls" | "route" | "pool" | "http">>;

function follow(listener: ServedListener, shared: SharedMemory, connection: Admitted): Stages {
  const { client, protocol, serverName, alpn } = connection;
  const { tls, refusal, chain, ...requests } = receive(listener, protocol, { serverName, alpn });
  if (refusal !== null || chain === undefined) return { reason: refusal, tls };
  const { serve } = chain;
  if (serve.kind === "http") return { tls, ...followRequest(listener, shared, serve, connection) };
  const served = listener.poolOf(chain, mainPool);
  const known = (requests.session ?? requests.hello!).serverName;
  const pool = explainPool(served, shared, { clientAddress: client, serverName: known });
  return {
    reason: pickRefusal(pool, served, shared),
    tls,
    route: explainRoutes(listener.definition, chain, requests),
    pool,
  };
}

/** What becomes of a request on a connection that speaks HTTP. */
function followRequest(
  listener: ServedListener,
  shared: SharedMemory,
  serve: HttpServe,
  { client, serverName, routing, http: question }: Admitted,
): Stages {
  if (routing === undefined || question === undefined) return {};
  const { http, refusal, target } = explainHttp(routing, serve.front, { question, peer: client });
  if (target === undefined) return { http, reason: refusal };
  const served = listener.poolNamed(target.pool);
  const { client: clientAddress } = http.request;
  const pool = explainPool(served, shared, { clientAddress, serverName, key: target.key });
  return { http, pool, reason: pickRefusal(pool, served, shared) };
}

/** Why it ends where a backend is to be picked; null: it has one, or waits for one. */
function pickRefusal(
  { waits, backends }: PoolExplanation,
  { definition }: ExplainedPool,
  { poolWaiting }: SharedMemory,
): Explanation["reason"] {
  if (waits === null) return backends.some(({ skipped }) => skipped === null) ? null : "no_backend";
  if (poolWaiting[definition.slot]! < definition.queue.size) return null;
  return waits === "room" ? "queue_full" : "no_backend";
}

/** What its clients speak, where nobody says otherwise. */
function usualProtocol({ termination, definition }: ServedListener): Protocol {
  return termination !== undefined || passesThrough(definition) ? "tls" : "other";
}

/** Header, hello and handshake. @param offer what a client that speaks TLS says in its hello. */
function receive(listener: ServedListener, protocol: Protocol, offer: ClientHello): Reception {
  const { readsHello, termination, definition } = listener;
  if (protocol !== "tls" && !definition.detect && (readsHello || termination !== undefined))
    return refused("not_tls");
  // Where no hello is read, plain TCP is taken for what it is.
  const spoken = readsHello ? protocol : termination === undefined ? "other" : "tls";
  const hello = readsHello && spoken === "tls" ? offer : undefined;
  const asHello = hello && { ...hello, protocol: spoken };
  const course = listener.courseOf(spoken, hello);
  if (course === "unknown_name") return refused("unknown_name");
  const reception = { refusal: null, hello: asHello };
  if (course === "terminate") return { ...reception, ...terminate(listener, termination!, offer) };
  if (course.tls === "passthrough")
    return { ...reception, tls: untouched("passed_through"), session: undefined, chain: course };
  const session: RouteRequest = { serverName: "", alpn: [], protocol: spoken };
  return { ...reception, tls: untouched("none"), session, chain: course };
}

/** The handshake, as OpenSSL and `Connection.clientSecured` have it. */
function terminate(
  listener: ServedListener,
  termination: Termination,
  { serverName, alpn }: ClientHello,
): Pick<Reception, "tls" | "session" | "chain" | "refusal"> {
  const { alpn: known, clientAuth } = listener.definition.tls!;
  // The server's order counts; a client that offers nothing gets nothing (RFC 7301 section 3.2).
  const agreed = known.find((name) => alpn.includes(name));
  const refusal =
    known.length > 0 && alpn.length > 0 && agreed === undefined ? "no_application_protocol" : null;
  const session: RouteRequest = { serverName, alpn: agreed === undefined ? [] : [agreed], protocol: "tls" };
  const { certificates, by, pattern } = termination.choice(serverName);
  const certificate: CertificateExplanation = {
    files: certificates.map(({ source }) => source.cert),
    by,
    name: pattern ?? null,
  };
  const tls: TlsExplanation = {
    handling: refusal === null ? "terminated" : "refused",
    certificate,
    alpn: agreed ?? null,
    client_auth: clientAuth?.mode ?? null,
  };
  const chain = refusal === null ? listener.chains.afterHandshake(serverName, agreed ?? "") : undefined;
  return { tls, session, chain, refusal };
}

const passesThrough = ({ chains }: PlacedListener): boolean => modeOf(rulesOf(chains)) === "passthrough";

function untouched(handling: TlsExplanation["handling"]): TlsExplanation {
  return { handling, certificate: null, alpn: null, client_auth: null };
}

function refused(refusal: "not_tls" | "unknown_name"): Reception {
  return { tls: untouched("refused"), refusal, hello: undefined, session: undefined, chain: undefined };
}

function notesOn(
  { definition, termination }: ServedListener,
  { client, via, serverName: given, alpn }: ExplainRequest,
  { protocol, serverName }: Pick<Admitted, "protocol" | "serverName">,
): string[] {
  const { proxyProtocol, tls, detect } = definition;
  const notes: string[] = [];
  if (proxyProtocol !== undefined && via === undefined)
    notes.push(`the listener has proxy_protocol: a trusted proxy that brings ${client} is assumed`);
  if (proxyProtocol === undefined && via !== undefined)
    notes.push("the listener has no proxy_protocol: for it, the proxy itself is the client");
  if (given !== "" && serverName === "") notes.push(`${given} is no DNS name, so it counts as none`);
  const readsNames = termination !== undefined || passesThrough(definition) || detect;
  if ((given !== "" || alpn.length > 0) && (protocol !== "tls" || !readsNames))
    notes.push("server name and ALPN are not looked at");
  if (tls?.clientAuth?.mode === "require" && protocol === "tls")
    notes.push("the client must show a certificate, which is not judged here");
  return notes;
}
