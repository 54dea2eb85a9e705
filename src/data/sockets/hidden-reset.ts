import type { OwnedSocket } from "./owner.ts";

const empty = Buffer.alloc(0);

/**
 * Whether a TLS socket that says "end" may have been reset. Bytes that TLS sends of its own accord (session tickets, an
 * answer to a key update) may meet the reset; Node drops that error, and what follows looks like an end in order. The
 * system knows no peer of such a socket any more. A `TLSSocket` asks it anew, as long as nobody has asked before.
 * A socket without TLS writes nothing of its own, so no error of it is dropped.
 */
export function mayHideReset(socket: OwnedSocket): boolean {
  return "encrypted" in socket && !socket.writableEnded && socket.remoteAddress === undefined;
}

/**
 * Finds out whether it was. A peer that had ended in order, and was reset then, is not known any more either; but after
 * an error that was dropped, TLS waits for its own write for ever, and everything behind it waits too.
 * @param tell is called in this turn of the event loop, where the socket is still open. @param reset undefined: it ended
 *   in order.
 */
export function findReset(
  socket: OwnedSocket,
  tell: (reset: NodeJS.ErrnoException | undefined) => void,
): void {
  let wrote = false;
  socket.write(empty, () => {
    wrote = true;
  });
  setImmediate(() => {
    if (!socket.destroyed) tell(wrote ? undefined : connectionReset());
  });
}

function connectionReset(): NodeJS.ErrnoException {
  return Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
}
