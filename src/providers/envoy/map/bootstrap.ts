import { formatAddress } from "../../../lib/address.ts";
import { errorAt, type Finding, type Path, warningAt } from "../../../lib/findings.ts";
import { ownAddresses } from "../../../lib/own-addresses.ts";
import { didYouMean } from "../../../lib/suggest.ts";
import { poolsOf } from "../../../model/chain.ts";
import { checkModel } from "../../../model/check/check.ts";
import type { ModelFinding } from "../../../model/check/finding.ts";
import { type HttpRouteTable, poolsOfTable, routesOf } from "../../../model/http/route.ts";
import type { Listener } from "../../../model/listener.ts";
import type { Model } from "../../../model/model.ts";
import type { Pool } from "../../../model/pool.ts";
import type { Node } from "../node.ts";
import { mapAddress } from "./address.ts";
import { mapCluster } from "./clusters.ts";
import type { Mapping } from "./context.ts";
import { type MappedListener, mapListener } from "./listeners.ts";
import { mapCollector } from "./tracing.ts";

/** All that is to be served, as messages of Envoy. */
export interface Resources {
  readonly listeners: readonly Node[];
  readonly clusters: readonly Node[];
  /** Undefined: no admin server. */
  readonly admin: Node | undefined;
}

/** Makes a model. A part that can't be mapped is reported and left out. */
export async function mapResources(resources: Resources, mapping: Mapping): Promise<Model> {
  const pools: Pool[] = [];
  const places = new Map<string, Path>();
  for (const cluster of resources.clusters) {
    const pool = await mapCluster(cluster, mapping);
    if (pool === undefined) continue;
    if (places.has(pool.name))
      mapping.report(errorAt(cluster.at("name"), `${JSON.stringify(pool.name)} is there twice`));
    else pools.push(pool);
    places.set(pool.name, cluster.path);
  }
  const listeners: Listener[] = [];
  const tables = new Map<string, HttpRouteTable>();
  for (const [index, node] of resources.listeners.entries()) {
    const mapped = await mapListener(node, index, mapping);
    if (mapped === undefined) continue;
    for (const pool of mapping.isDynamic ? [] : unknownTargets(mapped, pools))
      mapping.report(
        errorAt(
          node.path,
          `there is no cluster ${JSON.stringify(pool)}, which it leads to`,
          didYouMean(pool, places.keys()),
        ),
      );
    listeners.push(mapped.listener);
    places.set(`listener ${mapped.listener.name}`, node.path);
    for (const table of mapped.tables) tables.set(table.name, table);
  }
  const bind = resources.admin && mapAddress(resources.admin.node("address"), mapping, resources.admin);
  const otlp = mapCollector(resources.listeners, pools, mapping);
  const model: Model = {
    ...mapping.defaults.model,
    admin: bind && { bind, remote: "look" },
    ...(otlp !== undefined && { otlp, log: { ...mapping.defaults.model.log, traced: 0 } }),
    listeners,
    pools,
    routeTables: [...tables.values()],
  };
  // Any of them may be named.
  const byField = [...tables.values()].some((table) =>
    [...routesOf(table)].some(({ action }) => action.kind === "pools" && action.field !== undefined),
  );
  for (const finding of checkModel(model, [], ownAddresses())) {
    const told = tell(finding, places);
    // Of a control plane's clusters some are there before anybody leads to them.
    const isUsed = mapping.isDynamic || byField;
    if (told !== undefined && !(isUsed && finding.kind === "unused_pool")) mapping.report(told);
  }
  return model;
}

/** Clusters that a listener or its routes name, and that there are not (yet). */
function unknownTargets({ listener, tables }: MappedListener, pools: readonly Pool[]): readonly string[] {
  const known = new Set(pools.map(({ name }) => name));
  const named = new Set([
    ...poolsOf(listener.chains),
    ...tables.flatMap((table) => [...poolsOfTable(table)]),
  ]);
  return [...named].filter((pool) => !known.has(pool));
}

/** A finding about the model in the words of Envoy; undefined: it does not matter, or was told already. */
function tell(finding: ModelFinding, places: ReadonlyMap<string, Path>): Finding | undefined {
  const [table, name] = finding.path;
  const path = places.get(table === "listeners" ? `listener ${name}` : String(name)) ?? [];
  switch (finding.kind) {
    case "bind_taken":
      return errorAt(
        path,
        `${formatAddress(finding.address)} is already taken by ${finding.by.path.join(".")}`,
      );
    case "duplicate_name":
      return errorAt(path, `${JSON.stringify(finding.name)} is there twice`);
    case "leads_back":
      return errorAt(
        path,
        `${finding.address} is where ${finding.listener} accepts: each connection would come back here`,
      );
    case "unused_pool":
      return warningAt(path, "no listener or route leads to this cluster");
    default:
      return undefined;
  }
}
