import { parseAddress } from "../../../lib/address.ts";
import type { Path } from "../../../lib/findings.ts";

/*
 * Addresses, hosts and paths as other proxies write them, with what was most likely meant.
 */

/** A port alone, or a URL, where an address is expected. @param usual the host that a port alone most likely means. */
export function foreignAddress(text: string, usual: string): string | undefined {
  const [, port] = /^(?:\*?:)?(\d{1,5})$/.exec(text) ?? [];
  if (port !== undefined) return `did you mean "${usual}:${port}"?`;
  const [, address, words] = /^(\S+)\s+(\S.*)$/.exec(text) ?? [];
  if (address !== undefined) return withWords(address, words!, usual);
  const [, scheme, host, given, rest = ""] =
    /^(https?|tcp|tls):\/\/([\w.-]+|\[[\da-f:]+\])(?::(\d{1,5}))?(\/.*)?$/i.exec(text) ?? [];
  if (scheme === undefined) return undefined;
  const isEncrypted = /^(?:https|tls)$/i.test(scheme);
  const encrypted = isEncrypted ? "; whether TLS is spoken to it is said by [pools.<name>.tls]" : "";
  const path = rest.length > 1 ? "; a path is no part of it" : "";
  return `did you mean "${host}:${given ?? (isEncrypted ? "443" : "80")}"?${encrypted}${path}`;
}

/** An address with further words, such as `backup`, `weight 2` or `ssl`, in the same text. */
function withWords(text: string, words: string, usual: string): string | undefined {
  const address = typeof parseAddress(text) === "string" ? undefined : text.replace(/^\*/, usual);
  const meant = address === undefined ? foreignAddress(text, usual) : `did you mean "${address}"?`;
  if (meant === undefined) return undefined;
  const [, weight] = /\bweight[ =](\d{1,6})\b/.exec(words) ?? [];
  const keys = [
    ...(/\bbackup\b/.test(words) ? ["backup = true"] : []),
    weight && `weight = ${weight}`,
  ].filter(Boolean);
  if (address !== undefined && keys.length > 0)
    return `did you mean { address = "${address}", ${keys.join(", ")} }?`;
  return `${meant} ${usual === "0.0.0.0" ? "TLS is a table, tls" : "Checks are a table, health"}`;
}

/** A pattern or a variable where hosts of requests, or names that clients ask for, are expected; else as {@link foreignName}. */
export function foreignHost(text: string): string | undefined {
  if (text === "*" || text === "_" || text === "") return "to take any, leave the key out";
  if (/^[~^]|[\\()|]/.test(text))
    return 'no regular expression is taken here; name each, or all below one: "*.example.com"';
  if (text.includes("$")) return "variables are not filled in here; without the key it is the request's own";
  if (/^\.[\w-]+(\.[\w-]+)*$/.test(text)) return `did you mean "${text.slice(1)}" and "*${text}"?`;
  if (/^\*[\w-][^*]*$/.test(text)) return `did you mean "*.${text.slice(1)}"?`;
  if (text.includes("*", 1) || /^\*[^.]/.test(text))
    return '* stands at the begin alone, for all names below: "*.example.com"';
  return foreignName(text);
}

/** A URL where a host name is expected. */
export function foreignName(text: string): string | undefined {
  const [, host, path = ""] = /^(?:[a-z][a-z\d+.-]*:\/\/)?([\w.-]+)(?::\d{1,5})?(\/.*)?$/i.exec(text) ?? [];
  if (host === undefined || host === text) return undefined;
  return `did you mean "${host}"?${path.length > 1 ? "; a path is no part of it" : ""}`;
}

/** As a URL or in a pattern of another proxy, where a path of requests is expected. */
export function foreignPath(text: string): string | undefined {
  if (text === "*") return "to take any, leave the key out";
  if (text.includes("$") && !/^[~^]|\$$/.test(text))
    return "variables are not filled in here; without the key it is the request's own";
  const [, modifier = "", rest = text] = /^(=|\^~|~\*|~)\s+(.*)$/.exec(text) ?? [];
  if (modifier === "=" && rest.startsWith("/")) return `did you mean ${toml("path", rest)}?`;
  if (modifier === "^~" && rest.startsWith("/")) return `did you mean ${toml("path_prefix", rest)}?`;
  const meant = patternIn(rest) ?? (modifier === "" ? undefined : regex(rest));
  if (meant !== undefined)
    return `did you mean ${meant}${modifier === "~*" ? " and ignore_case = true" : ""}?`;
  const [, path] = /^[a-z][a-z\d+.-]*:\/\/[^/]+(\/.*)$/i.exec(text) ?? [];
  return path === undefined ? undefined : `did you mean "${path}"? Hosts are hosts`;
}

/**
 * The pattern that a path most likely is: a wildcard, a part in braces or behind a colon, a regular expression.
 * @returns the key and value that say the same; undefined where it is a plain path.
 */
export function patternIn(path: string): string | undefined {
  const [, base] =
    /^(|\/[^*{}()[\]^$|\\]*?)\/(?:\*\*?|\.\*|\{[\w-]+(?:\+|\.\.\.)\}|\{\*[\w-]+\})$/.exec(path) ?? [];
  if (base !== undefined && !part.test(base)) return toml("path_prefix", base === "" ? "/" : base);
  if (/[[\]^|\\]|\$$|\.[*+]/.test(path)) return regex(path);
  if (!part.test(path)) return undefined;
  const begin = path.startsWith("/") ? "" : ".*";
  const literal = path.replace(begin && /^\*+/, "").replaceAll(/[.+?()]/g, String.raw`\$&`);
  return toml("path_regex", begin + literal.replaceAll(parts, (text) => (text === "**" ? ".*" : "[^/]+")));
}

/** A wildcard, `{name}`, or `:name` as a whole segment. */
const part = /\*|\{[\w-]+\}|\/:[A-Za-z]\w*/;
const parts = /\*\*|\*|\{[\w-]+\}|(?<=\/):[A-Za-z]\w*/g;

/** Other proxies look for it anywhere in a path; umay's takes the whole. */
function regex(pattern: string): string {
  const end = pattern.endsWith("$") || pattern.endsWith(".*") ? "" : ".*";
  const begin = pattern.startsWith("^") || pattern.startsWith("/") ? "" : ".*";
  return toml("path_regex", `${begin}${pattern.replace(/^\^/, "").replace(/\$$/, "")}${end}`);
}

/** A key with its value; as a literal text, so that no backslash has to be written twice. */
const toml = (key: string, value: string): string =>
  value.includes("'") || !/["\\]/.test(value) ? `${key} = ${JSON.stringify(value)}` : `${key} = '${value}'`;

/** As other proxies name a hundred statuses. */
export function foreignStatus(text: string): string | undefined {
  const [, first] = /^([1-5])xx$/i.exec(text) ?? [];
  return first === undefined ? undefined : `did you mean "${first}00-${first}99"?`;
}

/** A status, a number, a path or a URL alone where a table is expected that is most often written for it. */
export function foreignTable(value: unknown, path: Path): string | undefined {
  const key = path.at(-1);
  if (key === "respond" && typeof value === "number") return `{ status = ${value} }`;
  if (key === "retry" && typeof value === "number") return `{ attempts = ${value} }`;
  if (typeof value !== "string") return undefined;
  if (key === "health" && value.startsWith("/")) return `{ type = "http", path = ${JSON.stringify(value)} }`;
  return key === "redirect" ? redirectTo(value) : undefined;
}

/** A redirect to a URL, whose parts are keys of their own; `undefined` for one with variables. */
function redirectTo(text: string): string | undefined {
  if (/[${}]/.test(text)) return undefined;
  const url = URL.parse(text, "relative://");
  if (url === null || url.host === "")
    return text.startsWith("/") ? `{ path = ${JSON.stringify(text)} }` : undefined;
  const port = url.port === "" ? "" : `, port = ${url.port}`;
  const path = url.pathname === "/" ? "" : `, path = ${JSON.stringify(url.pathname)}`;
  return `{ scheme = ${JSON.stringify(url.protocol.slice(0, -1))}, host = ${JSON.stringify(url.hostname)}${port}${path} }`;
}
