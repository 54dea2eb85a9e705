import { withGuards } from "../model/http/guard.ts";
import { chainsWithPages, tablesWithPages } from "../model/http/pages.ts";
import type { HttpRouteTable } from "../model/http/route.ts";
import type { Listener } from "../model/listener.ts";
import type { Model } from "../model/model.ts";
import type { MaterialOfAll } from "./renewal.ts";

/** A model with what was renewed of it. */
export function withMaterial(model: Model, renewed: MaterialOfAll): Model {
  return {
    ...model,
    routeTables: tablesWithMaterial(model.routeTables, renewed),
    listeners: model.listeners.map((listener) => listenerWithMaterial(listener, renewed)),
    pools: model.pools.map((pool) => ({ ...pool, ...renewed.pools.get(pool.name) })),
  };
}

/** The same object where nothing of the listener was renewed. */
export function listenerWithMaterial<L extends Pick<Listener, "name" | "tls" | "chains">>(
  listener: L,
  { listeners, pages }: MaterialOfAll,
): L {
  const tls = listeners.get(listener.name) ?? listener.tls;
  const chains = chainsWithPages(listener.chains, pages);
  return tls === listener.tls && chains === listener.chains ? listener : { ...listener, tls, chains };
}

export const tablesWithMaterial = (
  tables: readonly HttpRouteTable[],
  { guards, pages }: MaterialOfAll,
): readonly HttpRouteTable[] => tablesWithPages(withGuards(tables, guards), pages);
