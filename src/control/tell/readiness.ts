import type { Model } from "../../model/model.ts";
import type { Store } from "../state/store.ts";
import type { Supervisor } from "../workers/supervisor.ts";
import type { Readiness } from "./readings.ts";

/** The parts of the control plane that readiness follows from. */
export interface ReadyingPlane {
  readonly state: "starting" | "ready" | "draining";
  readonly model: Model;
  readonly store: Pick<Store, "pools">;
  readonly supervisor: Pick<Supervisor, "unready">;
}

/** Whether a control plane is ready for traffic, and why it is not. */
export function readinessOf({ state, model, store, supervisor }: ReadyingPlane): Readiness {
  if (state !== "ready") return { state, reason: model.incomplete ?? state };
  const silent = supervisor.unready();
  if (silent !== undefined) return { state: "unready", reason: silent };
  const reason = missingPart(model, store);
  return { state: reason === undefined ? "ready" : "starting", reason };
}

/** Why a model is not served whole, in one line: a part of it has not come, or a pool has had no backend yet. */
function missingPart({ incomplete }: Model, { pools }: Pick<Store, "pools">): string | undefined {
  if (incomplete !== undefined) return incomplete;
  for (const { name, required, discovery } of pools) {
    if (!required || discovery === undefined) continue;
    const { everFound, lastError } = discovery;
    if (!everFound)
      return `pool ${name} has no backend yet${lastError === undefined ? "" : `: ${lastError}`}`;
  }
  return undefined;
}
