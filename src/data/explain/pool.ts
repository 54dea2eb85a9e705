import { backendFlag, type SharedMemory, stateOf } from "../../channel/memory.ts";
import type { PlacedBackend } from "../../model/backend.ts";
import type { BackendExplanation, PoolExplanation } from "../../model/explanation.ts";
import { hashedBy, type PickBasis, pickerTypes } from "../../model/pool.ts";
import type { PlacedPool } from "../../model/snapshot.ts";
import { type Wait, waitBehind } from "../decide/wait.ts";
import { hashedKey } from "../pick/hashed-key.ts";
import type { Leases } from "../pick/leases.ts";
import type { PickKey } from "../pick/picker.ts";
import { PresentPick } from "../pick/present-pick.ts";

/** The part of a pool that is asked. */
export interface ExplainedPool {
  readonly definition: PlacedPool;
  readonly leases: Pick<Leases, "obstacle" | "rehearse">;
  readonly queue: { has(wait: Wait): boolean };
}

/** How often a picker is asked for shares. The share of a draw is then within 0.02 (four sigma). */
const rehearsals: { readonly [B in PickBasis]: number } = {
  key: 0,
  turn: 1_000,
  load: 1_000,
  chance: 10_000,
};
/** Less often in large pools, where a pick may look at every backend: sessions wait meanwhile. */
const mostLooks = 1_000_000;

/**
 * Tells what the pool's picker would do. The picker itself says so: it is asked as often as shares need, on a copy, so
 * that nothing moves.
 */
export function explainPool(pool: ExplainedPool, shared: SharedMemory, key: PickKey): PoolExplanation {
  const { definition } = pool;
  const { picker: spec, backends } = definition;
  const { by } = pickerTypes[spec.type];
  const hashed = hashedBy(spec);
  const picker = pool.leases.rehearse(fixedRandom());
  const present = new PresentPick(pool.leases);
  const pick = (tried: readonly PlacedBackend[]): PlacedBackend | undefined => {
    present.begin(key, tried, definition.warming);
    return picker.pick(present);
  };
  const first = pick([]);
  const waits = waitBehind(true, pool.queue) ?? (first === undefined ? present.wait : undefined) ?? null;
  const second = first && pick([first]);
  const certain = by === "key" || by === "turn";
  const spread = (tried: readonly PlacedBackend[]): Shares =>
    sharesOf(Math.min(rehearsals[by], Math.ceil(mostLooks / backends.length)), () => pick(tried));
  const shares = by === "key" ? undefined : spread([]);
  const chosen = certain || shares!.size === 1 ? first : undefined;
  const next = certain || (chosen !== undefined && spread([chosen]).size === 1) ? second : undefined;
  return {
    name: definition.name,
    picker: spec.type,
    by,
    key: hashed === undefined ? null : hashedKey(hashed, key),
    backend: chosen?.address ?? null,
    next: next?.address ?? null,
    waits,
    fails_open: backends.some(({ slot }) => (shared.backendFlags[slot]! & backendFlag.trusted) !== 0),
    backends: backends.map(
      (backend): BackendExplanation => ({
        address: backend.address,
        weight: backend.weight,
        tier: backend.tier,
        state: stateOf(shared.backendFlags[backend.slot]!),
        connections: shared.backendActive[backend.slot]!,
        skipped:
          pool.leases.obstacle(backend) ??
          (first !== undefined && backend.tier > first.tier ? "standby" : null),
        share: shares === undefined ? null : (shares.get(backend) ?? 0),
      }),
    ),
  };
}

/** How the picks of sessions like this one spread over backends; those that get none are not there. */
type Shares = ReadonlyMap<PlacedBackend, number>;

function sharesOf(picks: number, pick: () => PlacedBackend | undefined): Shares {
  const counts = new Map<PlacedBackend, number>();
  for (let count = 0; count < picks; count++) {
    const backend = pick();
    if (backend === undefined) break;
    counts.set(backend, (counts.get(backend) ?? 0) + 1);
  }
  return new Map([...counts].map(([backend, count]) => [backend, Math.round((count / picks) * 100) / 100]));
}

/** Park and Miller's minimal standard: the same question has the same answer while nothing has changed. */
function fixedRandom(): () => number {
  let state = 1;
  return () => {
    state = (state * 16_807) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
