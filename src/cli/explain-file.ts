import { isIP } from "node:net";
import { layout } from "../channel/layout.ts";
import { createSharedMemory, mostConnections } from "../channel/memory.ts";
import { WorkerCounters } from "../channel/worker-counters.ts";
import { Store } from "../control/state/store.ts";
import { indexTable, Routing } from "../data/decide/http/routing.ts";
import { ServedPool } from "../data/dispatch/pool.ts";
import { explain } from "../data/explain/explain.ts";
import { ServedListener } from "../data/plane.ts";
import type { Backend } from "../model/backend.ts";
import { poolsOf } from "../model/chain.ts";
import { poolUses, servesOf } from "../model/check/http/routes.ts";
import type { ExplainRequest, Explanation } from "../model/explanation.ts";
import type { Listener } from "../model/listener.ts";
import type { Model } from "../model/model.ts";
import type { Pool } from "../model/pool.ts";
import { type Discover, discover } from "./discover.ts";

/** Time for the lookups of names, in milliseconds. */
const patience = 3_000;
/** Once discovery has found backends, time to wait for an error, which comes at once, in milliseconds. */
const afterthought = 100;

/**
 * Explains a connection as a umay that was just started with this configuration would treat it. Every backend that is
 * found counts as up and idle. Nothing is bound, and nothing is sent but questions to DNS.
 * @param from the configuration, as a note names it. @param find the sources of backends.
 * @throws where OpenSSL refuses a TLS setting.
 */
export async function explainModel(
  model: Model,
  request: ExplainRequest,
  from = "a configuration",
  find: Discover = discover,
): Promise<Explanation> {
  const shared = createSharedMemory();
  shared.process[mostConnections] = 2 ** 31 - 1;
  const counters = new WorkerCounters(1);
  const bound = new Map(
    model.listeners.map(({ name, bind }) => [name, { addresses: [bind], accept: "shared-port" } as const]),
  );
  const store = new Store(model, bound, shared, counters);
  const listener = model.listeners.find(({ name }) => name === request.listener)!;
  const routing = await routingOf(model, listener);
  const needed = poolsServed(model, listener);
  const problems = new Map<string, string | undefined>();
  const searches = model.pools.filter(({ name }) => needed.has(name)).map((pool) => findBackends(pool, find));
  for (const { name, backends, problem } of await Promise.all(searches)) {
    store.setBackends(name, backends);
    problems.set(name, problem);
  }
  const worker = {
    shared,
    counters: counters.memories[0]!,
    worker: { index: 0, count: 1 },
    peers: (pool: string) => store.snapshot.pools.find(({ name }) => name === pool)?.backends ?? [],
    want: () => {},
  };
  const pools = new Map(
    store.snapshot.pools
      .filter(({ name }) => needed.has(name))
      .map((definition) => [definition.name, new ServedPool(definition, worker)]),
  );
  const placed = store.snapshot.listeners.find(({ name }) => name === request.listener)!;
  const plane = { shared, handshakes: new Int32Array(layout.listener.capacity) };
  const explanation = explain(
    new ServedListener(placed, { pools, tables: new Map() }, 1),
    { plane, worker: undefined, routing },
    request,
  );
  const problem = problems.get(explanation.pool?.name ?? "");
  const fromFile = `told from ${from}: every backend counts as up and idle`;
  const notes = problem === undefined ? [fromFile] : [problem, fromFile];
  return { ...explanation, notes: [...explanation.notes, ...notes] };
}

/** How a listener that speaks HTTP finds routes; undefined: it does not. */
export async function routingOf(model: Model, listener: Listener): Promise<Routing | undefined> {
  const [serve] = servesOf(listener);
  if (serve === undefined) return undefined;
  return new Routing(serve, await indexTable(model.routeTables.find(({ name }) => name === serve.routes)!));
}

/** Every pool that a listener's connections or requests may come to. */
function poolsServed({ routeTables }: Model, listener: Listener): ReadonlySet<string> {
  const tables = new Map(routeTables.map((table) => [table.name, table]));
  const routed = poolUses(listener, tables).map(({ pool }) => pool);
  return new Set([...poolsOf(listener.chains), ...routed]);
}

interface Found {
  readonly name: string;
  readonly backends: readonly Backend[];
  /** Why discovery failed; undefined when it did not. */
  readonly problem: string | undefined;
}

/** Looks once. */
async function findBackends({ name, discovery }: Pool, find: Discover): Promise<Found> {
  const stop = new AbortController();
  const timers = [setTimeout(() => stop.abort(), patience)];
  let backends: readonly Backend[] | undefined;
  let problem: string | undefined;
  for await (const result of find(discovery).watch(stop.signal)) {
    if (!result.ok) problem = result.error.message;
    else backends = result.value;
    if (!result.ok || hasAddressesOnly(discovery)) break;
    timers.push(setTimeout(() => stop.abort(), afterthought));
  }
  stop.abort();
  for (const timer of timers) clearTimeout(timer);
  const late = backends === undefined ? `no backend was found within ${patience / 1000} s` : undefined;
  return { name, backends: backends ?? [], problem: problem ?? late };
}

function hasAddressesOnly(discovery: Pool["discovery"]): boolean {
  if (discovery.type !== "static") return false;
  return discovery.backends.every(({ target }) => target.kind === "unix" || isIP(target.host) !== 0);
}
