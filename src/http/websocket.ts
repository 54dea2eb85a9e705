import { createHash, randomBytes } from "node:crypto";
import { fieldIds } from "./field-names.ts";
import type { Fields } from "./message.ts";

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

/** Whether a 101 agrees to what the request asked for (RFC 6455 section 4.2.2). */
export function agreesToWebSocket(request: Fields, response: Fields): boolean {
  const key = request.find(fieldIds["sec-websocket-key"]);
  const accept = response.find(fieldIds["sec-websocket-accept"]);
  return key >= 0 && accept >= 0 && response.value(accept) === webSocketAccept(request.value(key));
}
