import { withGuards } from "../model/http/guard.ts";
import type { Model } from "../model/model.ts";
import type { MaterialOfAll } from "./renewal.ts";

/** A model with what was renewed of it. */
export function withMaterial(model: Model, { listeners, pools, guards }: MaterialOfAll): Model {
  return {
    ...model,
    routeTables: withGuards(model.routeTables, guards),
    listeners: model.listeners.map((listener) => ({
      ...listener,
      tls: listeners.get(listener.name) ?? listener.tls,
    })),
    pools: model.pools.map((pool) => ({ ...pool, ...pools.get(pool.name) })),
  };
}
