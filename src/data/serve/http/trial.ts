import { createAddressTable } from "../../../channel/address-table.ts";
import type { Guard } from "../../../model/http/guard.ts";
import { judgeFor } from "../../guard/guards.ts";
import { PasswordComparer } from "../../guard/password/compare.ts";
import { asking } from "./ask/asking.ts";
import type { HttpPlane } from "./plane.ts";

export { tryMatch, tryRoute } from "../../decide/http/trial.ts";

const place = { slot: 0, counters: 0 };
const silent = (): void => {};
/** Nobody is judged, so nothing is counted, asked for or told. */
const surroundings: Parameters<typeof judgeFor>[1] = {
  counting: { counters: new Float64Array(new SharedArrayBuffer(0)) },
  shared: { guardHeld: new Int32Array(new SharedArrayBuffer(0)) },
  logger: { isLevelEnabled: () => false, debug: silent, info: silent, warn: silent, later: silent },
  comparer: new PasswordComparer(),
  worker: 1,
  forward: (auth) => asking(auth, {} as HttpPlane),
  passed: silent,
};

/**
 * Makes what judges by a guard as a worker does. @throws what that would.
 */
export function tryGuard(guard: Guard): void {
  const placed =
    guard.kind === "rate-limit"
      ? { ...guard, ...place, table: createAddressTable(1, 1, 0), seed: 0 }
      : { ...guard, ...place };
  judgeFor(placed, surroundings);
}
