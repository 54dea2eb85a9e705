import { randomBytes, randomInt } from "node:crypto";
import { createAddressTable } from "../../channel/address-table.ts";
import type { Listener, ListenerTls } from "../../model/listener.ts";
import type { PlacedListener } from "../../model/snapshot.ts";

/** Where a listener has no max_connections, room is made for this many. */
const usualConnections = 262_144;

/** The table in which all workers count what each client address has open; undefined where nothing is limited by it. */
export function addressTableOf(
  listener: Listener,
  before: PlacedListener | undefined,
  workers: number,
): SharedArrayBuffer | undefined {
  const { limits, maxConnections } = listener;
  if (limits.maxConnectionsPerIp === undefined && limits.connectionRatePerIp === undefined) return undefined;
  // Whoever is counted there goes on being counted; a table cannot grow.
  if (before?.addressTable !== undefined && before.maxConnections === maxConnections)
    return before.addressTable;
  return createAddressTable(maxConnections ?? usualConnections, workers, randomInt(2 ** 32));
}

/** The keys of a file where there is one; else the keys that it had, if umay made them; else new ones. */
export function ticketKeysOf(
  tls: ListenerTls | undefined,
  before: PlacedListener | undefined,
): Uint8Array | undefined {
  if (tls?.sessionTickets === undefined) return undefined;
  const own = before?.tls?.sessionTickets?.keys === undefined ? before?.ticketKeys : undefined;
  return tls.sessionTickets.keys?.bytes ?? own ?? newTicketKeys();
}

/** A plain array, because that is what a worker receives. */
export const newTicketKeys = (): Uint8Array => new Uint8Array(randomBytes(48));
