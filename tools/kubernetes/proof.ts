import { spawnSync } from "node:child_process";
import { mkdtempDisposableSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ApiServer } from "./api-server.ts";
import { chart } from "./proof/chart.ts";
import { churn } from "./proof/churn.ts";
import { client } from "./proof/client.ts";
import { endpoints } from "./proof/endpoints.ts";
import { explain } from "./proof/explain.ts";
import { lease } from "./proof/lease.ts";
import { outage } from "./proof/outage.ts";
import { namespacedRights, rights } from "./proof/rights.ts";
import { rollout } from "./proof/rollout.ts";
import { scale } from "./proof/scale.ts";
import { type Figures, World } from "./proof/world.ts";

/*
 * `proof.ts FOLDER [NAME…]` proves umay beside a real API server: all that is below, or the named ones. FOLDER is what build.sh
 * made, and bin/umay.js is built. It runs as root, in a network namespace of its own. A line of JSON tells the findings of each;
 * the exit code is 1 where one fails, and 77 where there is no API server.
 */
const proofs: Readonly<
  Record<string, { readonly prove: (world: World) => Promise<Figures>; readonly rights?: string }>
> = {
  chart: { prove: chart },
  client: { prove: client },
  rights: { prove: rights },
  namespaced: { prove: namespacedRights, rights: "namespaces.yaml" },
  explain: { prove: explain },
  endpoints: { prove: endpoints },
  lease: { prove: lease },
  outage: { prove: outage },
  rollout: { prove: rollout },
  churn: { prove: churn },
  scale: { prove: scale },
};
const [folder, ...names] = process.argv.slice(2);
const unknown = names.filter((name) => proofs[name] === undefined);
const missing = folder === undefined ? undefined : ApiServer.missing(folder);

if (folder === undefined || unknown.length > 0) {
  console.error(`usage: proof.ts FOLDER [NAME…]; there is ${Object.keys(proofs).join(", ")}`);
  process.exitCode = 2;
} else if (missing !== undefined) {
  console.error(missing);
  process.exitCode = 77;
} else if (process.env["UMAY_PROOF"] === undefined) process.exitCode = outside();
else for (const name of names.length > 0 ? names : Object.keys(proofs)) await prove(resolve(folder), name);

/** Runs this program again, where all addresses of pods are its own and nothing else can be reached. */
function outside(): number {
  const script = 'ip link set lo up && ip addr add 10.244.1.0/24 dev lo && exec "$@"';
  const args = ["--net", "sh", "-c", script, "sh", process.execPath, ...process.argv.slice(1)];
  const { status } = spawnSync("unshare", args, {
    stdio: "inherit",
    env: { ...process.env, UMAY_PROOF: "inside" },
  });
  return status ?? 1;
}

async function prove(from: string, name: string): Promise<void> {
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-proof-"));
  const { prove: run, ...more } = proofs[name]!;
  const began = performance.now();
  try {
    await using world = await World.start({ folder: from, dir: dir.path, ...more });
    const figures = await run(world);
    console.log(JSON.stringify({ proof: name, ...figures }));
  } catch (error) {
    console.error(`${name} failed: ${(error as Error).stack}`);
    process.exitCode = 1;
  }
  console.error(`${name} took ${Math.round((performance.now() - began) / 1_000)} s`);
}
