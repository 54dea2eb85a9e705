import { Socket } from "node:net";
import { attachClient, readClient } from "./events.ts";
import { forLastWords, lingerThenReset, mayLinger } from "./linger.ts";
import type { OwnedSocket } from "./owner.ts";

type Destroy = NonNullable<Socket["_destroy"]>;

/** The hook of streams that `Socket` implements. */
const { _destroy: destroyBoth } = Socket.prototype as Required<Pick<Socket, "_destroy">>;

/**
 * Keeps the socket underneath TLS open where OpenSSL refuses a handshake: Node would close it right behind OpenSSL's alert,
 * and a client that is still sending would be reset before it reads that. {@link leaveRefusal} must follow. See ADR 0044.
 */
export function outliveRefusal(client: OwnedSocket): void {
  client._destroy = destroy;
}

function destroy(this: Socket, error: NodeJS.ErrnoException | null, done: Parameters<Destroy>[1]): void {
  if (isRefusal(error)) done(error);
  else destroyBoth.call(this, error, done);
}

/** OpenSSL sends an alert, unless the client's own was the error. */
function isRefusal(error: NodeJS.ErrnoException | null): boolean {
  const { code = "" } = error ?? {};
  return code.startsWith("ERR_SSL_") && !code.includes("ALERT");
}

/** Ends a connection whose handshake OpenSSL has refused, or umay at its end, when the client has had time to read why. */
export function leaveRefusal(raw: OwnedSocket, transport: "tcp" | "unix", client: OwnedSocket): void {
  if (!mayLinger()) {
    raw.destroy();
    return;
  }
  attachClient(raw);
  readClient(raw);
  lingerThenReset(raw, transport, raw, forLastWords);
  // Not on OpenSSL's own stack.
  setImmediate(() => {
    (client as { readonly _destroySSL?: () => void })._destroySSL?.();
    raw.end();
  });
}
