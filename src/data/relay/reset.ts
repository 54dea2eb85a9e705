import type { Socket } from "node:net";

/**
 * Ends a connection so that its peer sees that it was cut short: with RST where the transport has one; a unix socket
 * is closed. For TLS it takes the raw socket underneath, because a `TLSSocket` can only end cleanly.
 */
export function resetSocket(raw: Socket, transport: "tcp" | "unix"): void {
  if (raw.destroyed) return;
  if (transport === "tcp" && !raw.connecting) raw.resetAndDestroy();
  else raw.destroy();
}
