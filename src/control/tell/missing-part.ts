import type { Model } from "../../model/model.ts";
import type { Store } from "../state/store.ts";

/** Why a model is not served whole, in one line: a part of it has not come, or a pool has had no backend yet. */
export function missingPart({ incomplete }: Model, { pools }: Pick<Store, "pools">): string | undefined {
  if (incomplete !== undefined) return incomplete;
  for (const { name, required, discovery } of pools) {
    if (!required || discovery === undefined) continue;
    const { everFound, lastError } = discovery;
    if (!everFound)
      return `pool ${name} has no backend yet${lastError === undefined ? "" : `: ${lastError}`}`;
  }
  return undefined;
}
