import { formatIp, parseIp } from "../../lib/proxy-protocol/ip.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import { didYouMean, listChoices } from "../../lib/suggest.ts";
import { type Protocol, protocols } from "../../model/chain.ts";
import type { ExplainRequest } from "../../model/explanation.ts";
import type { Listener } from "../../model/listener.ts";

/** A question that cannot be understood, or is about something that is not there. */
export interface BadQuestion {
  readonly kind: "malformed" | "unknown";
  readonly message: string;
}

/** The facts that can be given of a connection, as options of `umay explain` and as parameters of `/explain`. */
const ofConnection = ["listener", "client", "via", "sni", "alpn", "protocol"];
/** And of a request that it carries. */
const ofRequest = ["url", "method", "header"];

/** The client of a question that does not name one. */
const usualClient = "127.0.0.1";

/** Listeners that can be asked about. */
type Known = Pick<Listener, "name" | "bind">;

/** @returns the complaint about a parameter that there is not; undefined where there is none such. */
export function strangeParameter(query: URLSearchParams): BadQuestion | undefined {
  const known = query.has("url") ? [...ofConnection, ...ofRequest] : ofConnection;
  const strange = [...query.keys()].find((name) => !known.includes(name));
  if (strange === undefined) return undefined;
  if (ofRequest.includes(strange)) return { kind: "malformed", message: `${strange}: it needs a url` };
  const complaint = malformed(strange, `there is no such parameter; there are ${known.join(", ")}`, known);
  return complaint.error;
}

/** Reads a connection that is asked about. `alpn` may be repeated, or have several between commas. */
export function readConnection(
  query: URLSearchParams,
  listeners: readonly Known[],
): Result<ExplainRequest, BadQuestion> {
  const listener = findListener(query.get("listener"), listeners);
  if (!listener.ok) return listener;
  const { name, bind } = listener.value;
  const client = readAddress("client", query.get("client") ?? (bind.kind === "unix" ? "" : usualClient));
  if (!client.ok) return client;
  const viaText = query.get("via");
  const via = viaText === null ? ok(undefined) : readAddress("via", viaText);
  if (!via.ok) return via;
  const protocol = query.get("protocol") ?? undefined;
  if (protocol !== undefined && !isProtocol(protocol))
    return malformed("protocol", `expected ${listChoices(protocols)}`, protocols, protocol);
  const alpn = query
    .getAll("alpn")
    .flatMap((names) => names.split(","))
    .filter((text) => text !== "");
  return ok({
    listener: name,
    client: client.value,
    via: via.value,
    serverName: query.get("sni") ?? "",
    alpn,
    protocol,
  });
}

function findListener(name: string | null, listeners: readonly Known[]): Result<Known, BadQuestion> {
  const names = listeners.map((listener) => listener.name);
  if (name === null && listeners.length === 1) return ok(listeners[0]!);
  if (name === null) return malformed("listener", `say which one: ${listChoices(names)}`, names);
  const listener = listeners.find((one) => one.name === name);
  if (listener !== undefined) return ok(listener);
  const hint = didYouMean(name, names) ?? `there is ${names.join(", ")}`;
  return err({ kind: "unknown", message: `there is no listener "${name}"; ${hint}` });
}

/** Spelt as the system tells addresses of connections, because they are hashed as texts. */
function readAddress(parameter: string, text: string): Result<string, BadQuestion> {
  if (text === "") return ok("");
  const [host = "", zone] = text.replace(/^\[(.*)\]$/, "$1").split("%", 2);
  const bytes = parseIp(host);
  if (bytes === undefined)
    return malformed(parameter, `expected an IP address without a port, not "${text}"`);
  return ok(zone === undefined ? formatIp(bytes) : `${formatIp(bytes)}%${zone}`);
}

const isProtocol = (text: string): text is Protocol => (protocols as readonly string[]).includes(text);

function malformed(
  parameter: string,
  expected: string,
  candidates: readonly string[] = [],
  given = parameter,
): Result<never, BadQuestion> & { readonly ok: false } {
  const hint = didYouMean(given, candidates);
  return err({
    kind: "malformed",
    message: `${parameter}: ${expected}${hint === undefined ? "" : `; ${hint}`}`,
  });
}
