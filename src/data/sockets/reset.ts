import type { Socket } from "node:net";

/**
 * Ends a connection so that its peer sees that it was cut short: with RST where the transport has one; a unix socket
 * is closed. For TLS it takes the raw socket underneath, because a `TLSSocket` can only end cleanly.
 * @param written the socket that bytes were written to: `raw`, or the `TLSSocket` on top of it.
 */
export function resetSocket(raw: Socket, transport: "tcp" | "unix", written: Socket = raw): void {
  if (raw.destroyed) return;
  if (transport === "tcp" && !raw.connecting && !isFinishing(written)) raw.resetAndDestroy();
  else raw.destroy();
}

/**
 * Whether the FIN is on its way, perhaps behind a close_notify that the peer does not make room for. libuv refuses to
 * reset then, and Node would leave the descriptor open. Closing loses nothing: the kernel has every byte already.
 */
function isFinishing({ writableEnded, writableFinished, writableLength }: Socket): boolean {
  return writableEnded && !writableFinished && writableLength === 0;
}
