import { setTimeout as sleep } from "node:timers/promises";
import { Backend, Load } from "./load.ts";
import { gatewayObject, route, service, slice } from "./objects.ts";
import { check, type Figures, mustSay, umayUser, type World } from "./world.ts";

/** How long the API server is away, in milliseconds. */
const away = 60_000;

/** The API server is killed for a minute under load: no request fails, and afterwards statuses follow again. */
export async function outage(world: World): Promise<Figures> {
  const backends = [await Backend.start("10.244.1.101"), await Backend.start("10.244.1.102")];
  for (const backend of backends) world.use(backend);
  const endpoints = Object.fromEntries(backends.map(({ address }) => [address, "ready" as const]));
  await world.apply(service("app"), slice("app", endpoints), gatewayObject("web", 8000));
  await world.apply(route("app", "app.test", "app"));
  const replicas = [await world.replica("10.244.1.21"), await world.replica("10.244.1.22")];
  const load = world.use(new Load(8000, ["app.test"]));
  load.replicas = replicas.map(({ address }) => address);
  const told = async (): Promise<void> =>
    mustSay(await world.get("gateway.networking.k8s.io/v1/httproutes", "app"), "Accepted");
  await world.until(told);

  const before = load.answered;
  await world.server.kill();
  await sleep(away);
  const during = load.answered - before;
  const ready = await Promise.all(replicas.map((replica) => replica.isReady()));
  check(!ready.includes(false), "a replica is not ready while the API server is away");
  await world.server.restart();
  await world.apply(route("app", "app.test", "app", "/"));
  await world.apply(route("late", "late.test", "app"));
  const afterMs = await world.until(async () => {
    await told();
    mustSay(await world.get("gateway.networking.k8s.io/v1/httproutes", "late"), "Accepted");
  });
  check(load.failures.length === 0, `requests failed: ${load.failures.join("; ")}`);
  check(during > 0, "there was no load");
  return {
    awayMs: away,
    requestsMeanwhile: during,
    statusAfterMs: afterMs,
    asked: world.server.audited(umayUser).length,
  };
}
