import { formatIp, parseIp } from "../../lib/proxy-protocol/ip.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import { didYouMean, listChoices } from "../../lib/suggest.ts";
import { type Protocol, protocols } from "../../model/chain.ts";
import type { ExplainRequest } from "../../model/explanation.ts";
import type { Listener } from "../../model/listener.ts";
import type { ControlPlane } from "../control-plane.ts";

/** A question that cannot be understood, or is about something that is not there. */
export interface BadQuestion {
  readonly kind: "malformed" | "unknown";
  readonly message: string;
}

/** The facts that can be given of a connection, as options of `umay explain` and as parameters of `/explain`. */
const parameters = ["listener", "client", "via", "sni", "alpn", "protocol"];

/** The client of a question that does not name one. */
const usualClient = "127.0.0.1";

/** Listeners that can be asked about. */
type Known = Pick<Listener, "name" | "bind">;

/** Reads what `umay explain` and `/explain` are asked. `alpn` may be repeated, or have several between commas. */
export function readQuestion(
  query: URLSearchParams,
  listeners: readonly Known[],
): Result<ExplainRequest, BadQuestion> {
  const strange = [...query.keys()].find((name) => !parameters.includes(name));
  if (strange !== undefined)
    return malformed(strange, `there is no such parameter; there are ${parameters.join(", ")}`, parameters);
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
): Result<never, BadQuestion> {
  const hint = didYouMean(given, candidates);
  return err({
    kind: "malformed",
    message: `${parameter}: ${expected}${hint === undefined ? "" : `; ${hint}`}`,
  });
}

/** Answers `/explain`: by a worker, whose own state it is. */
export async function answerQuestion(
  { store, supervisor, state }: Pick<ControlPlane, "store" | "supervisor" | "state">,
  query: URLSearchParams,
): Promise<{ readonly status: number; readonly body: object }> {
  const question = readQuestion(query, store.snapshot.listeners);
  if (!question.ok)
    return { status: question.error.kind === "unknown" ? 404 : 400, body: { error: question.error.message } };
  const answer = await supervisor.explain(question.value);
  if (answer === undefined) return { status: 503, body: { error: "no worker answers" } };
  if (!answer.ok) return { status: 500, body: { error: answer.error } };
  const { pool } = answer.value;
  const trouble = pool === null ? undefined : store.discoveries.get(pool.name)?.lastError;
  const notes = [
    ...answer.value.notes,
    ...(trouble === undefined ? [] : [`discovery of pool ${pool!.name} fails: ${trouble}`]),
    ...(state === "draining" ? ["umay is draining: it may accept no new connection any more"] : []),
  ];
  return { status: 200, body: { ...answer.value, notes } };
}
