/**
 * The field names that umay itself looks for or that heads often have. A field's id is its place in this list, so that
 * asking for a field compares numbers; 0 is any other name.
 */
const names = [
  "",
  "accept",
  "accept-encoding",
  "accept-language",
  "access-control-request-headers",
  "access-control-request-method",
  "authorization",
  "cache-control",
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "cookie",
  "date",
  "etag",
  "expect",
  "forwarded",
  "grpc-status",
  "grpc-timeout",
  "host",
  "http2-settings",
  "keep-alive",
  "last-modified",
  "location",
  "origin",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "referer",
  "retry-after",
  "sec-websocket-accept",
  "sec-websocket-key",
  "sec-websocket-protocol",
  "sec-websocket-version",
  "server",
  "set-cookie",
  "strict-transport-security",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "user-agent",
  "vary",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-proto",
  "x-real-ip",
  "x-request-id",
] as const;

export type FieldName = Exclude<(typeof names)[number], "">;

/** The names by id, in lower case. */
export const fieldNames: readonly string[] = names;

/** The ids by name. */
export const fieldIds = Object.fromEntries(
  names.slice(1).map((name, index) => [name, index + 1]),
) as Readonly<Record<FieldName, number>>;

/** Names of one length that begin with the same letter hang together in a list: each one's next, 0 at the end. */
const next = new Uint8Array(names.length);
const first = new Uint8Array(64 * 32);
const longest = names.reduce((most, name) => Math.max(most, name.length), 0);
const bytesOf = names.map((name) => Buffer.from(name));
const slot = (length: number, initial: number): number => (length << 5) | (initial & 31);

for (let id = names.length - 1; id > 0; id--) {
  const at = slot(names[id]!.length, names[id]!.charCodeAt(0));
  next[id] = first[at]!;
  first[at] = id;
}

/**
 * @param bytes has a token (RFC 9110 section 5.6.2) from `start` to `end`: then bit 5 tells the cases of letters apart
 * and nothing else that a known name may have.
 * @returns the id of the name, whatever its case; 0 where it is not known.
 */
export function fieldId(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length > longest) return 0;
  for (let id = first[slot(length, bytes[start]!)]!; id > 0; id = next[id]!) {
    const name = bytesOf[id]!;
    let at = 0;
    while (at < length && (bytes[start + at]! | 0x20) === name[at]) at++;
    if (at === length) return id;
  }
  return 0;
}

const idByName: ReadonlyMap<string, number> = new Map(
  names.map((name, id) => [name, id] as const).filter(([, id]) => id > 0),
);

/** @param lower in lower case. @returns its id; 0 where it is not known. */
export function fieldIdOf(lower: string): number {
  return idByName.get(lower) ?? 0;
}
