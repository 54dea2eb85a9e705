import type { PlacedBackend, Skipped } from "../../model/backend.ts";
import type { NoPick, Wait } from "../decide/wait.ts";

interface Outcome {
  /** Backends that were passed over; undefined: none. */
  readonly skipped: readonly Skipped[] | undefined;
}

/** The outcome of a pick. All picks of a worker share one object: read it before the next pick. */
export type PickResult =
  | (Outcome & { readonly kind: "leased"; readonly backend: PlacedBackend })
  | (Outcome & { readonly kind: "wait"; readonly for: Wait })
  | (Outcome & { readonly kind: "none"; readonly reason: NoPick });

/** The one object, so that nothing is allocated per pick. */
const shared = {
  kind: "none" as PickResult["kind"],
  backend: undefined as PlacedBackend | undefined,
  for: "room" as Wait,
  reason: "none" as NoPick,
  skipped: undefined as readonly Skipped[] | undefined,
};

export function leased(backend: PlacedBackend, skipped: Outcome["skipped"]): PickResult {
  shared.kind = "leased";
  shared.backend = backend;
  shared.skipped = skipped;
  return shared as PickResult;
}

export function waitFor(wait: Wait, skipped: Outcome["skipped"]): PickResult {
  shared.kind = "wait";
  shared.for = wait;
  shared.skipped = skipped;
  return shared as PickResult;
}

export function noPick(reason: NoPick, skipped: Outcome["skipped"]): PickResult {
  shared.kind = "none";
  shared.reason = reason;
  shared.skipped = skipped;
  return shared as PickResult;
}
