import { setTimeout as sleep } from "node:timers/promises";
import type { Manifest } from "../apply.ts";
import { Backend, Load } from "./load.ts";
import { gatewayObject, route, service, slice } from "./objects.ts";
import { check, type Figures, type World } from "./world.ts";

const slices = 5_000;
const routes = 2_000;
/** Requests to the API server at a time. */
const atOnce = 16;
/** Resident memory of a replica, in mebibytes: the chart's limit is twice that. */
const mostMemory = 512;
const rewrites = 3;

/** 5,000 EndpointSlices and 2,000 routes, rewritten several times: memory is bounded, and requests are served on. */
export async function scale(world: World): Promise<Figures> {
  const backend = world.use(await Backend.start("10.244.1.101"));
  const all: Manifest[] = [];
  // Of ten endpoints each, of which umay serves those of 200 Services.
  for (let index = 0; index < slices; index++)
    all.push(slice(`s${index % 200}`, ends(index, backend.address), `s${index}`));
  for (let index = 0; index < 200; index++) all.push(service(`s${index}`));
  for (let index = 0; index < routes; index++)
    all.push(route(`r${index}`, `r${index}.test`, `s${index % 200}`));
  await world.apply(gatewayObject("web", 8000));
  const makingMs = await applyAll(world, all);
  const began = performance.now();
  const replica = await world.replica("10.244.1.21");
  const readyMs = Math.round(performance.now() - began);
  const load = world.use(new Load(8000, ["r0.test"], 4));
  load.replicas = [replica.address];
  const memory = [replica.memory];
  for (let turn = 1; turn <= rewrites; turn++) {
    const changed = all
      .filter(({ kind }) => kind === "EndpointSlice")
      .map((each) => ({ ...each, metadata: { ...each.metadata, annotations: { turn: String(turn) } } }));
    await applyAll(world, changed);
    await sleep(2_000);
    memory.push(replica.memory);
  }
  check(load.failures.length === 0, `requests failed: ${load.failures.join("; ")}`);
  check(Math.max(...memory) < mostMemory, `memory is ${memory.join(", ")} MiB`);
  return {
    slices,
    routes,
    makingMs,
    readyMs,
    memoryMib: memory,
    cpuMs: replica.cpu,
    requests: load.answered,
  };
}

/** The first slices of a Service have the backend; nobody asks the others. */
const ends = (index: number, address: string): Record<string, "ready" | "terminating"> =>
  index < 200
    ? { [address]: "ready" }
    : Object.fromEntries(
        Array.from({ length: 10 }, (_, each) => [`10.244.${2 + (index % 200)}.${1 + each}`, "terminating"]),
      );

/** @returns how long it took, in milliseconds. */
async function applyAll(world: World, objects: readonly Manifest[]): Promise<number> {
  const began = performance.now();
  const left = objects.values();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const object of left) await world.apply(object);
    }),
  );
  return Math.round(performance.now() - began);
}
