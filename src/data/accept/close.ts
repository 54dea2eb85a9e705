import { lingerThenReset, type Patience } from "../sockets/linger.ts";
import type { OwnedSocket } from "../sockets/owner.ts";
import { leaveRefusal } from "../sockets/refusals.ts";
import { resetSocket } from "../sockets/reset.ts";

/** How a client leaves. */
interface Leaving {
  /** How long it has for what it was sent last; undefined: no time. */
  readonly patience: Patience | undefined;
  /** `refused`: it was not let in by its certificate. */
  readonly handshake: "done" | "failed" | "refused";
}

/**
 * Ends a client's connection, so that nothing that was cut short looks complete. @param raw the accepted socket. @param client
 * `raw`, or the `TLSSocket` on top of it.
 */
export function closeClient(
  raw: OwnedSocket,
  client: OwnedSocket,
  transport: "tcp" | "unix",
  { patience, handshake }: Leaving,
): void {
  if (patience !== undefined && handshake === "refused") leaveRefusal(raw, transport, client);
  else if (patience !== undefined && !client.destroyed) lingerThenReset(raw, transport, client, patience);
  else if (client.destroyed && !raw.destroyed) leaveRefusal(raw, transport, client);
  // A client that was refused after its handshake takes that for done, and may not take the end for an empty answer.
  else if (handshake === "failed") client.destroy();
  else if (!client.closed) resetSocket(raw, transport, client);
}
