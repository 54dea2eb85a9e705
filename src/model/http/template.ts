import { didYouMean, listChoices } from "../../lib/suggest.ts";

/*
 * Texts with variables, which are known only with a request. They are read once and kept as pieces.
 */

/** A variable of a template. Where it has nothing to stand for (no TLS, say), it is empty. */
export const variables = {
  "client.ip": "the client's IP address",
  "client.port": "the client's port",
  "client.peer": "the IP address of the peer of the connection, a proxy's where one is in front",
  "request.id": "the request's id",
  "request.method": "its method",
  "request.host": "its host, with the port if the client named one",
  "request.path": "its path",
  "request.query": "its query, with the question mark",
  "request.target": "its path and its query",
  "request.protocol": "HTTP/1.1 or HTTP/2",
  "request.scheme": "http or https",
  route: "the name of the route",
  listener: "the name of the listener",
  "listener.address": "the address that the client connected to, with its port",
  "listener.port": "its port alone",
  pool: "the name of the pool",
  "trace.id": "the trace that the request is in",
  attempt: "how often the request was sent to backends so far, this time included",
  time: "the time, ISO 8601",
  "auth.user": "who the client is, as an auth of the route knows it",
  "backend.address": "the backend's address",
  "tls.version": "the version of the client's TLS",
  "tls.cipher": "its cipher",
  "tls.sni": "the server name that the client asked for",
  "tls.client.subject": "the subject of the client's certificate",
  "tls.client.spiffe": "its SPIFFE ID",
  "tls.client.fingerprint": "its SHA-256 fingerprint",
  "tls.client.xfcc": "the certificate in the form of X-Forwarded-Client-Cert",
} as const;

export type Variable = keyof typeof variables;

/** A text, a variable, the first header field of a name, which is in lower case, or a claim of the client's token. */
export type Piece =
  | string
  | { readonly variable: Variable }
  | { readonly header: string }
  | { readonly claim: string };

export type Template = readonly Piece[];

/** Why a text is no template, as the end of a sentence, with a guess at what was meant. */
export interface TemplateMistake {
  readonly problem: string;
  readonly hint: string | undefined;
}

const headerPrefix = "request.header.";
const claimPrefix = "auth.claim.";
/** RFC 9110 section 5.6.2, in lower case. */
const token = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;
const expression = /\$\$|\$\{([^}]*)(\}?)/g;

/** Reads `${client.ip} over ${tls.version}`; `$$` is a dollar sign. */
export function parseTemplate(text: string): Template | TemplateMistake {
  const pieces: Piece[] = [];
  let plain = "";
  let from = 0;
  for (const match of text.matchAll(expression)) {
    plain += text.slice(from, match.index);
    from = match.index + match[0].length;
    if (match[0] === "$$") {
      plain += "$";
      continue;
    }
    if (match[2] === "") return { problem: `has "\${" without a closing "}"`, hint: undefined };
    const piece = readVariable(match[1]!);
    if ("problem" in piece) return piece;
    if (plain !== "") pieces.push(plain);
    plain = "";
    pieces.push(piece);
  }
  plain += text.slice(from);
  return plain === "" ? pieces : [...pieces, plain];
}

function readVariable(name: string): Exclude<Piece, string> | TemplateMistake {
  if (Object.hasOwn(variables, name)) return { variable: name as Variable };
  const header = name.slice(headerPrefix.length).toLowerCase();
  if (name.startsWith(headerPrefix) && token.test(header)) return { header };
  if (name.startsWith(claimPrefix) && name.length > claimPrefix.length)
    return { claim: name.slice(claimPrefix.length) };
  const names = [...Object.keys(variables), `${headerPrefix}NAME`, `${claimPrefix}NAME`];
  const hint = didYouMean(name, names);
  const known = hint === undefined ? `; there are ${listChoices(names)}` : "";
  return { problem: `has the variable \${${name}}, which there is not${known}`, hint };
}

/** Whether `${name}` is a variable, known or not, and no environment variable: dotted and in lower case. */
export function isVariableName(name: string): boolean {
  return /^[a-z]+(?:\.[^}]*)+$/.test(name) || Object.hasOwn(variables, name);
}
