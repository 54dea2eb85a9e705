import { createHash, randomBytes } from "node:crypto";

/** RFC 6455 section 1.3. */
const suffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** @returns a new Sec-WebSocket-Key (RFC 6455 section 4.1), for a client of HTTP/2, which sends none (RFC 8441). */
export function createWebSocketKey(): string {
  return randomBytes(16).toString("base64");
}

/** @returns the Sec-WebSocket-Accept that agrees to a request with this Sec-WebSocket-Key (RFC 6455 section 4.2.2). */
export function webSocketAccept(key: string): string {
  return createHash("sha1")
    .update(key + suffix, "latin1")
    .digest("base64");
}
