import { setTimeout as sleep } from "node:timers/promises";
import type { Manifest } from "../apply.ts";
import { Backend, Load } from "./load.ts";
import { gatewayObject, route, service, slice } from "./objects.ts";
import { check, type Figures, mustSay, type World } from "./world.ts";

const thefts = 10;
const leasePath = "/apis/coordination.k8s.io/v1/namespaces/umay/leases/umay";

interface LeaseObject {
  readonly metadata: object;
  readonly spec: { readonly holderIdentity: string; readonly [key: string]: unknown };
}

/** Two replicas, and the Lease taken from them ten times: no status is empty, every change is told, no request fails. */
export async function lease(world: World): Promise<Figures> {
  const backend = world.use(await Backend.start("10.244.1.101"));
  await world.apply(service("app"), slice("app", { [backend.address]: "ready" }), gatewayObject("web", 8000));
  await world.apply(route("app", "app.test", "app"));
  const replicas = [await world.replica("10.244.1.21"), await world.replica("10.244.1.22")];
  const load = world.use(new Load(8000, ["app.test"]));
  load.replicas = replicas.map(({ address }) => address);
  const told = async (): Promise<void> => {
    mustSay(await world.get("gateway.networking.k8s.io/v1/gateways", "web"), "Programmed");
    mustSay(await world.get("gateway.networking.k8s.io/v1/httproutes", "app"), "Accepted");
  };
  await world.until(told);
  const watching = world.use(new StatusWatch(world));
  const holders = new Set<string>();
  const times: number[] = [];
  for (let theft = 1; theft <= thefts; theft++) {
    await steal(world, `thief-${theft}`);
    await world.apply(alsoFor(`theft-${theft}.test`));
    times.push(await world.until(told));
    // A holder that has not heard of it yet writes on.
    await world.until(async () => {
      const { spec } = (await world.ask("GET", leasePath)) as LeaseObject;
      check(!spec.holderIdentity.startsWith("thief"), "the Lease did not come back");
      holders.add(spec.holderIdentity);
    });
  }
  check(load.failures.length === 0, `requests failed: ${load.failures.join("; ")}`);
  check(watching.empty === 0, `a status was empty ${watching.empty} times of ${watching.looks}`);
  return {
    thefts,
    holders: holders.size,
    statusAfterMs: times,
    looks: watching.looks,
    requests: load.answered,
  };
}

/** The route, for another host, too. */
function alsoFor(host: string): Manifest {
  const whole = route("app", "app.test", "app");
  return { ...whole, spec: { ...(whole["spec"] as object), hostnames: ["app.test", host] } };
}

/** Somebody else takes it, and is never heard of again. */
async function steal(world: World, holder: string): Promise<void> {
  // Its holder may be renewing it.
  await world.until(async () => {
    const found = (await world.ask("GET", leasePath)) as LeaseObject;
    const spec = { ...found.spec, holderIdentity: holder, leaseDurationSeconds: 1 };
    await world.ask("PUT", leasePath, { ...found, spec });
  });
}

/** Looks whether a status that was whole is empty, again and again. */
class StatusWatch implements AsyncDisposable {
  looks = 0;
  empty = 0;
  #stopped = false;
  readonly #loop: Promise<void>;

  constructor(world: World) {
    this.#loop = this.#run(world);
  }

  async #run(world: World): Promise<void> {
    while (!this.#stopped) {
      const gateway = await world.get("gateway.networking.k8s.io/v1/gateways", "web");
      const app = await world.get("gateway.networking.k8s.io/v1/httproutes", "app");
      this.looks++;
      if (gateway.status?.conditions?.length === 0 || (app.status?.parents ?? []).length === 0) this.empty++;
      await sleep(100);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await this.#loop;
  }
}
