import { setTimeout as sleep } from "node:timers/promises";
import { Backend, Load } from "./load.ts";
import { gatewayObject, route, service, slice } from "./objects.ts";
import { check, type Figures, type World } from "./world.ts";

const rounds = 20;
/** An endpoint that is gone may be picked for so long, in milliseconds. */
const most = 100;

/** The time from the API server's word that an endpoint is gone until it is asked for the last time. */
export async function endpoints(world: World): Promise<Figures> {
  const [stays, goes] = [await Backend.start("10.244.1.101"), await Backend.start("10.244.1.102")];
  for (const backend of [stays, goes]) world.use(backend);
  const both = slice("app", { [stays.address]: "ready", [goes.address]: "ready" });
  const one = slice("app", { [stays.address]: "ready" });
  await world.apply(service("app"), both, gatewayObject("web", 8000), route("app", "app.test", "app"));
  const replica = await world.replica("10.244.1.21");
  const load = world.use(new Load(8000, ["app.test"], 4, 1));
  load.replicas = [replica.address];
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await world.apply(both);
    const began = performance.now();
    await world.until(() => check(goes.asked > began, "the endpoint is not asked"));
    const asking = performance.now();
    await world.apply(one);
    const told = performance.now();
    await sleep(500);
    check(goes.asked >= asking - 100, "it was not asked when it went");
    times.push(Math.max(0, Math.round(goes.asked - told)));
  }
  check(load.failures.length === 0, `requests failed: ${load.failures.join("; ")}`);
  check(Math.max(...times) < most, `it was asked ${Math.max(...times)} ms later`);
  return { rounds, lastAskedMs: times, requests: load.answered };
}
