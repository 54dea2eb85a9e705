import { setTimeout as sleep } from "node:timers/promises";
import { Backend, Load } from "./load.ts";
import { gatewayObject, route, service, slice } from "./objects.ts";
import { check, type Figures, mustSay, umayUser, type World } from "./world.ts";

const routes = 300;
/** Changes of routes, and how many a second. */
const changes = 600;
const perSecond = 10;

/** Many routes that change: fewer than five writes a second, and in the end every status is right. */
export async function churn(world: World): Promise<Figures> {
  const backend = world.use(await Backend.start("10.244.1.101"));
  await world.apply(service("app"), slice("app", { [backend.address]: "ready" }), gatewayObject("web", 8000));
  const name = (index: number): string => `r${index}`;
  for (let index = 0; index < routes; index++)
    await world.apply(route(name(index), `${name(index)}.test`, "app"));
  const replicas = [await world.replica("10.244.1.21"), await world.replica("10.244.1.22")];
  const load = world.use(new Load(8000, [`${name(0)}.test`], 4));
  load.replicas = replicas.map(({ address }) => address);
  const began = performance.now();
  for (let change = 0; change < changes; change++) {
    await world.apply(route(name(1 + (change % (routes - 1))), `c${change}.test`, "app"));
    await sleep(Math.max(0, began + ((change + 1) * 1_000) / perSecond - performance.now()));
  }
  const settledMs = await world.until(async () => {
    for (let index = 0; index < routes; index++)
      mustSay(await world.get("gateway.networking.k8s.io/v1/httproutes", name(index)), "Accepted");
  }, 180_000);
  const writes = world.server
    .audited(umayUser)
    .filter(({ verb, objectRef }) => verb === "patch" || objectRef?.resource === "events")
    .map(({ requestReceivedTimestamp }) => Date.parse(requestReceivedTimestamp) / 1_000);
  const seconds = Math.max(...writes) - Math.min(...writes);
  const rate = (writes.length - 1) / seconds;
  check(load.failures.length === 0, `requests failed: ${load.failures.join("; ")}`);
  check(rate < 5, `${rate} writes a second`);
  return {
    routes,
    changes,
    settledMs,
    writes: writes.length,
    writesPerSecond: Number(rate.toFixed(2)),
    requests: load.answered,
    cpuMs: replicas.map(({ cpu }) => cpu),
    memoryMib: replicas.map(({ memory }) => memory),
  };
}
