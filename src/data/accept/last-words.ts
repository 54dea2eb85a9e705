/** RFC 8446 section 6.2. */
const alerts = {
  unexpected_message: 10,
  record_overflow: 22,
  illegal_parameter: 47,
  decode_error: 50,
  unrecognized_name: 112,
} as const;

/** The alerts that answer a hello. */
export type HelloAlert = keyof typeof alerts;

/** A fatal alert in a record of its own. */
export const fatalAlert = (alert: HelloAlert): Buffer => Buffer.from([21, 3, 3, 0, 2, 2, alerts[alert]]);

const advice = "This port speaks TLS: use https:// instead of http://.\n";

/** The answer to a client that speaks HTTP where TLS is spoken, so that whoever sits behind it learns why it fails. */
export const speakTls: Buffer = Buffer.from(
  `HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: ${advice.length}\r\nConnection: close\r\n\r\n${advice}`,
);

/** OpenSSL's reasons for taking the first bytes for a request; it sends no alert then. */
const httpCodes = new Set(["ERR_SSL_HTTP_REQUEST", "ERR_SSL_HTTPS_PROXY_REQUEST"]);

/** Bytes that are sent in the clear when a handshake has failed, before the connection ends; undefined: none. */
export function lastWordsAfter({ code = "" }: NodeJS.ErrnoException): Buffer | undefined {
  return httpCodes.has(code) ? speakTls : undefined;
}
