import { createAddressTable } from "../../src/channel/address-table.ts";
import { countersOf } from "../../src/channel/layout.ts";
import type { Guard } from "../../src/model/http/guard.ts";
import type { PlacedGuard } from "../../src/model/snapshot.ts";

/** A guard with a place in the memory of one worker. */
export function placedGuard(guard: Guard, slot: number): PlacedGuard {
  const place = { slot, counters: countersOf("guard", slot) };
  return guard.kind === "rate-limit"
    ? { ...guard, ...place, table: createAddressTable(1, 1, 7), seed: 7 }
    : { ...guard, ...place };
}
