import { hostOf } from "../../http/uri/authority.ts";
import { readTarget, target } from "../../http/uri/target.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import { listChoices } from "../../lib/suggest.ts";
import { servesOf } from "../../model/check/http/routes.ts";
import type { ExplainRequest } from "../../model/explanation.ts";
import type { HttpQuestion } from "../../model/http/explanation.ts";
import type { HttpFront } from "../../model/http/front.ts";
import type { Listener } from "../../model/listener.ts";
import { type BadQuestion, readConnection } from "./asked-connection.ts";

/** A request as the command line, a file of cases or the query of `/explain` has it. */
export interface AskedUrl {
  readonly url: string;
  readonly method: string;
  /** Each `name: value`. */
  readonly headers: readonly string[];
}

/** Reads it as the engine reads requests. @returns the request, or what is wrong with it. */
export function readUrl({ url, method, headers }: AskedUrl): Result<HttpQuestion, string> {
  const [, scheme, authority = "", rest = ""] = /^(https?):\/\/([^/?#]*)(.*)$/s.exec(url) ?? [];
  if (scheme !== "http" && scheme !== "https")
    return err(`expected a URL such as https://example.com/path, not "${url}"`);
  if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(method)) return err(`"${method}" is no method`);
  const host = hostOf(authority);
  if (host === undefined) return err(`"${authority}" is no host, with or without a port`);
  const detail = readTarget(rest.startsWith("/") ? rest : `/${rest}`, method);
  if (detail !== undefined) return err(`the request would be answered with 400: ${detail} in "${rest}"`);
  const fields: [string, string][] = [];
  for (const line of headers) {
    const [, name, value = ""] = /^([A-Za-z0-9!#$%&'*+.^_`|~-]+):\s*(.*?)\s*$/s.exec(line) ?? [];
    if (name === undefined) return err(`expected a header field such as "x-user: 7", not "${line}"`);
    fields.push([name.toLowerCase(), Buffer.from(value).toString("latin1")]);
  }
  const { path, secondPath, query } = target;
  return ok({ method, scheme, authority, host, path, secondPath, query, headers: fields });
}

/** The part of a listener that says whether a request comes in at it. */
export type AskedListener = Pick<Listener, "name" | "bind" | "tls" | "detect" | "chains">;

const usualPorts = { http: 80, https: 443 } as const;

/**
 * The listener that a request comes in at: the one of its port, or the only one for its scheme; ports may be mapped.
 * @param wanted its name; undefined: the URL says.
 */
export function listenerFor<L extends AskedListener>(
  { scheme, authority }: HttpQuestion,
  listeners: readonly L[],
  wanted: string | undefined,
): Result<L, string> {
  const speaking = listeners.filter((listener) => servesOf(listener).length > 0);
  if (speaking.length === 0) return err('no listener has mode = "http"');
  if (wanted !== undefined) {
    const named = speaking.find(({ name }) => name === wanted);
    const known = listChoices(speaking.map(({ name }) => name));
    return named === undefined ? err(`no listener "${wanted}" speaks HTTP; there is ${known}`) : ok(named);
  }
  const fitting = speaking.filter(({ tls, detect }) => detect || tls.length > 0 === (scheme === "https"));
  const port = Number(/:(\d+)$/.exec(authority)?.[1] ?? usualPorts[scheme]);
  const there = fitting.filter(({ bind }) => bind.kind === "tcp" && bind.port === port);
  const [only, ...others] = there.length > 0 ? there : fitting;
  if (only === undefined) return err(`no http listener is for ${scheme}; name one with --listener`);
  if (others.length === 0) return ok(only);
  return err(`say which with --listener: ${listChoices([only, ...others].map(({ name }) => name))}`);
}

/**
 * A request as a question about a connection that carries it.
 * @param query what else was asked for, as without a URL.
 */
export function askRequest(
  asked: AskedUrl,
  query: URLSearchParams,
  listeners: readonly AskedListener[],
): Result<ExplainRequest, BadQuestion> {
  const malformed = (message: string): Result<never, BadQuestion> => err({ kind: "malformed", message });
  const http = readUrl(asked);
  if (!http.ok) return malformed(http.error);
  const listener = listenerFor(http.value, listeners, query.get("listener") ?? undefined);
  if (!listener.ok) return malformed(listener.error);
  const secure = http.value.scheme === "https";
  const connection = new URLSearchParams(query);
  connection.set("listener", listener.value.name);
  if (secure && !query.has("sni")) connection.set("sni", http.value.host);
  const versions = versionsOf(listener.value);
  if (secure && !query.has("alpn"))
    for (const version of versions) connection.append("alpn", version === "2" ? "h2" : "http/1.1");
  connection.set("protocol", secure ? "tls" : versions.includes("1.1") ? "http1" : "http2");
  const question = readConnection(connection, listeners);
  return question.ok ? ok({ ...question.value, http: http.value }) : question;
}

/** The versions of HTTP that a usual client would speak with a listener. */
const versionsOf = (listener: AskedListener): HttpFront["versions"] => servesOf(listener)[0]!.front.versions;
