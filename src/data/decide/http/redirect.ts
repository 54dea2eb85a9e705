import type { Regexes } from "../../../lib/regex.ts";
import type { PathMatch } from "../../../model/http/match.ts";
import type { Redirect } from "../../../model/http/route.ts";
import { compilePathRewrite } from "./rewrite.ts";

/** The parts of a request that a redirect uses. */
export interface RedirectFacts {
  readonly scheme: "http" | "https";
  /** Host and port as they came; empty where HTTP/1.0 named none. */
  readonly authority: string;
  /** In normal form. */
  readonly path: string;
  /** With its question mark, or empty. */
  readonly query: string;
}

/** Makes the field Location (RFC 9110 section 10.2.2). @returns undefined where the request does not say which host is meant. */
export type LocationOf = (request: RedirectFacts, matched: PathMatch | undefined) => string | undefined;

const usualPorts = { http: 80, https: 443 } as const;

/** @param regexes only for a regular expression. @throws RegexError */
export function compileRedirect(
  { scheme, host, port, path: rewrite, query }: Redirect,
  regexes?: Regexes,
): LocationOf {
  const rewritten = rewrite && compilePathRewrite(rewrite, regexes);
  const samePlace = scheme === undefined && host === undefined && port === undefined;
  return (request, matched) => {
    const path = rewritten?.(request.path, matched) ?? request.path;
    const target = `${path === "*" ? "/" : path}${query ?? request.query}`;
    const name = host ?? hostName(request.authority);
    if (name === "") return samePlace ? pathAlone(target) : undefined;
    const to = scheme ?? request.scheme;
    if (samePlace) return `${to}://${request.authority}${target}`;
    // Another scheme or host has no reason to be at the same port.
    const kept = scheme === undefined && host === undefined ? portOf(request.authority) : undefined;
    const number = port === "same" ? samePort(request) : (port ?? kept);
    const suffix = number === undefined || number === usualPorts[to] ? "" : `:${number}`;
    return `${to}://${name}${suffix}${target}`;
  };
}

/** A path that begins with two slashes would be taken for a host. */
const pathAlone = (target: string): string => (target.startsWith("//") ? `/.${target}` : target);

const portPattern = /:(\d{1,5})$/;

function samePort({ authority, scheme }: RedirectFacts): number | undefined {
  const port = portOf(authority);
  return port === usualPorts[scheme] ? undefined : port;
}

const hostName = (authority: string): string => authority.replace(portPattern, "");

function portOf(authority: string): number | undefined {
  const [, port] = portPattern.exec(authority) ?? [];
  return port === undefined ? undefined : Number(port);
}
