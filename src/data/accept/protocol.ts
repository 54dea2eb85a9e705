import type { Protocol } from "../../model/chain.ts";

/** RFC 9113 section 3.4. */
const http2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const http1Methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"].map(
  (method) => `${method} `,
);

/**
 * Tells a client's protocol from its first bytes: a TLS handshake, an HTTP/1 request line, HTTP/2 without TLS, or
 * anything else.
 * @returns undefined while the bytes so far fit more than one.
 */
export function detectProtocol(bytes: Buffer): Protocol | undefined {
  if (bytes.length === 0) return undefined;
  if (bytes[0] === 22) return bytes.length === 1 ? undefined : bytes[1] === 3 ? "tls" : "other";
  const text = bytes.toString("latin1", 0, http2Preface.length);
  if (text.startsWith(http2Preface)) return "http2";
  if (http1Methods.some((method) => text.startsWith(method))) return "http1";
  return [http2Preface, ...http1Methods].some((start) => start.startsWith(text)) ? undefined : "other";
}
