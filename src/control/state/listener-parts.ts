import { randomBytes, randomInt } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
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

/** The keys that umay makes where settings bring none: those that it has made already, else new ones. */
export function ticketKeysOf(
  tls: readonly ListenerTls[],
  before: PlacedListener | undefined,
): Uint8Array | undefined {
  const needed = tls.some(
    ({ sessionTickets }) => sessionTickets !== undefined && sessionTickets.keys === undefined,
  );
  return needed ? (before?.ticketKeys ?? newTicketKeys()) : undefined;
}

/** A plain array, because that is what a worker receives. */
export const newTicketKeys = (): Uint8Array => new Uint8Array(randomBytes(48));

/** The object of before where it says the same: its certificates need not be sent again, nor its contexts made. */
export const unlessSame = <T>(next: T, before: T | undefined): T =>
  before !== undefined && isDeepStrictEqual(next, before) ? before : next;
