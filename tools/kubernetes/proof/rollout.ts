import { setTimeout as sleep } from "node:timers/promises";
import { Backend, Load } from "./load.ts";
import { gatewayObject, type Readiness, route, service, slice } from "./objects.ts";
import type { Replica } from "./replica.ts";
import { check, type Figures, mustSay, type World } from "./world.ts";

/** Between two probes of a kubelet, in milliseconds; a pod that is not ready gets no new connections after the next one. */
const probe = 1_000;
const rounds = 3;

/** umay and its backends are rolled out, one after the other, several times: no request fails. */
export async function rollout(world: World): Promise<Figures> {
  const endpoints: Record<string, Readiness> = {};
  const backends = new Map<string, Backend>();
  const add = async (address: string): Promise<void> => {
    backends.set(address, await Backend.start(address));
    endpoints[address] = "ready";
  };
  for (const address of ["10.244.1.101", "10.244.1.102"]) await add(address);
  await world.apply(service("app"), slice("app", endpoints), gatewayObject("web", 8000));
  await world.apply(route("app", "app.test", "app"));
  let replicas: readonly Replica[] = [await world.replica("10.244.1.21"), await world.replica("10.244.1.22")];
  const load = world.use(new Load(8000, ["app.test"], 12, 10));
  load.replicas = replicas.map(({ address }) => address);
  await world.until(async () =>
    mustSay(await world.get("gateway.networking.k8s.io/v1/httproutes", "app"), "Accepted"),
  );
  const exits: (number | null)[] = [];
  let next = 23;
  let nextBackend = 103;
  for (let round = 0; round < rounds; round++) {
    for (const old of replicas) {
      const fresh = await world.replica(`10.244.1.${next++}`);
      replicas = [...replicas.filter((each) => each !== old), fresh];
      load.replicas = [...replicas, old].map(({ address }) => address);
      old.terminate();
      while (await old.isReady()) await sleep(100);
      // It is taken out later than it says so.
      await sleep(probe);
      load.replicas = replicas.map(({ address }) => address);
      exits.push(await old.exited);
    }
    for (const [address, backend] of [...backends].slice(0, 2)) {
      await add(`10.244.1.${nextBackend++}`);
      endpoints[address] = "terminating";
      await world.apply(slice("app", endpoints));
      await sleep(probe);
      backends.delete(address);
      endpoints[address] = "gone";
      // Its program ends before everybody has heard of it.
      await Promise.all([backend[Symbol.asyncDispose](), world.apply(slice("app", endpoints))]);
    }
  }
  for (const backend of backends.values()) world.use(backend);
  check(load.failures.length === 0, `requests failed: ${load.failures.join("; ")}`);
  check(
    exits.every((code) => code === 0),
    `replicas ended with ${exits.join(", ")}`,
  );
  return { replicas: exits.length, backends: nextBackend - 103, requests: load.answered };
}
