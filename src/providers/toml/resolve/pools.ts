import { errorAt, type Finding, type Path, warningAt } from "../../../lib/findings.ts";
import { didYouMean } from "../../../lib/suggest.ts";
import type { Listener } from "../../../model/listener.ts";
import type { Pool } from "../../../model/pool.ts";

/** Where a listener names pools, and which. */
function poolsOf({ name, pool, routes }: Listener): { readonly path: Path; readonly pool: string }[] {
  return [
    { path: ["listeners", name, "pool"], pool },
    ...routes.map((route, index) => ({
      path: ["listeners", name, "routes", index, "pool"],
      pool: route.pool,
    })),
  ];
}

/**
 * Pools that listeners name and nobody defines, pools that nobody uses, and hash keys that their listeners do not have.
 * @param poolNames of every pool that the configuration names, also of those that were found wrong.
 */
export function checkPools(
  listeners: readonly Listener[],
  pools: readonly Pool[],
  poolNames: readonly string[],
): Finding[] {
  const findings: Finding[] = [];
  for (const { path, pool } of listeners.flatMap(poolsOf)) {
    if (poolNames.includes(pool)) continue;
    const known =
      poolNames.length === 0 ? "there are no pools" : `pools are ${poolNames.slice(0, 10).join(", ")}`;
    const message = `no pool is named ${JSON.stringify(pool)}; add a table [pools.${pool}], ${known}`;
    findings.push(errorAt(path, message, didYouMean(pool, poolNames)));
  }
  const misspelt = findings.length > 0;
  for (const { name, picker } of pools) {
    const users = listeners.filter((listener) => poolsOf(listener).some(({ pool }) => pool === name));
    if (users.length === 0 && !misspelt)
      findings.push({
        ...warningAt(["pools", name], "no listener uses this pool; name it in one, or remove it"),
        at: "key",
      });
    const plain = users.filter((user) => !seesNames(user)).map((user) => user.name);
    if (picker.type === "consistent-hash" && picker.key === "sni" && plain.length > 0)
      findings.push(
        warningAt(
          ["pools", name, "picker"],
          `key = "sni" needs TLS, which ${plain.map((listener) => `listeners.${listener}`).join(", ")} does not have: all its sessions go to one backend; use key = "source-ip"`,
        ),
      );
  }
  return findings;
}

/** Whether its sessions can have a server name. */
export function seesNames({ tls, mode, routes }: Listener): boolean {
  return tls !== undefined || mode === "passthrough" || routes.some((route) => route.passthrough);
}
