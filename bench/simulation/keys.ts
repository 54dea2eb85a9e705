import type { PlacedBackend } from "../../src/model/backend.ts";
import type { PickerSpec } from "../../src/model/pool.ts";
import { clientAddresses, equalWeights, placedBackends, TestPool } from "../../test/support/pickers.ts";

const clients = clientAddresses(100_000);
/** So many backends are taken away, one at a time, and the mean is shown. */
const removals = 5;

/**
 * The part of all keys that get another backend when discovery removes one of so many, as a multiple of those that have to:
 * 1 is the least.
 */
export function keysMoved(spec: PickerSpec, count: number): number {
  const backends = placedBackends(equalWeights(count));
  const before = assign(spec, backends);
  let moved = 0;
  let needed = 0;
  for (let removal = 0; removal < removals; removal++) {
    const gone = Math.floor((removal * count) / removals);
    const after = assign(
      spec,
      backends.filter(({ slot }) => slot !== gone),
    );
    moved += before.filter((slot, key) => slot !== after[key]).length;
    needed += before.filter((slot) => slot === gone).length;
  }
  return moved / needed;
}

/** Every client has one connection, which stays. */
function assign(spec: PickerSpec, backends: readonly PlacedBackend[]): Int32Array {
  const pool = new TestPool(backends);
  const picker = pool.create(spec);
  return Int32Array.from(clients, (client) => {
    pool.key.clientAddress = client;
    const { slot } = picker.pick(pool)!;
    pool.active[slot]!++;
    return slot;
  });
}
