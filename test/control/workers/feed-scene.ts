import assert from "node:assert/strict";
import type { CounterMemory } from "../../../src/channel/counters.ts";
import { createSharedMemory, type SharedMemory } from "../../../src/channel/memory.ts";
import type { ToWorker } from "../../../src/channel/messages.ts";
import { TlsOnce } from "../../../src/channel/tls-once.ts";
import { WorkerCounters } from "../../../src/channel/worker-counters.ts";
import type { BoundListener } from "../../../src/control/state/listener-places.ts";
import { Store, type Wanted } from "../../../src/control/state/store.ts";
import { Feed } from "../../../src/control/workers/feed.ts";
import { ServedState } from "../../../src/data/apply.ts";
import { formatAddress } from "../../../src/lib/address.ts";
import type { Backend } from "../../../src/model/backend.ts";
import type { Difference } from "../../../src/model/snapshot.ts";
import { loadModel } from "../../providers/toml/loading.ts";
import { servedGuards } from "../../support/served-guards.ts";

const { log } = await loadModel(`
  listeners.a = { bind = "127.0.0.9:1", pool = "a" }
  pools.a.discovery = { type = "static", backends = ["127.0.0.1:1"] }`);

/** No worker opens sockets for these. */
export const boundAs = ({ listeners }: Wanted): Map<string, BoundListener> =>
  new Map(listeners.map(({ name, bind }) => [name, { addresses: [bind], accept: "handed-over" as const }]));

export function backendAt(port: number): Backend {
  const target = { kind: "tcp", host: "127.0.0.1", port } as const;
  return { address: formatAddress(target), target, weight: 1, tier: 0 };
}

/** A worker without a thread: it answers what it was sent when the test says so. */
export class FakeWorker {
  readonly #tls = new TlsOnce();
  readonly sent: Difference[] = [];
  readonly state: ServedState;
  feed: Feed;
  applied = 0;
  settled = 0;
  /** Why it refused what it was sent last. */
  refusal: string | undefined;

  constructor(
    store: Store,
    shared: SharedMemory,
    counters: CounterMemory,
    worker: { readonly index: number; readonly count: number },
  ) {
    const memory = {
      guards: servedGuards(counters, shared),
      shared,
      counters,
      worker,
      peers: () => [],
      want: () => {},
    };
    this.state = new ServedState(memory, {
      taken: { adopt: () => [] },
      onConnection: () => assert.fail("there are no sockets"),
      onServerError: assert.fail,
      onSettled: () => {
        this.settled = this.state.settled;
      },
    });
    this.feed = new Feed(store, (message) => this.#receive(message));
    this.feed.next(log);
  }

  /** Answers the oldest change that it has not answered. @param refuse whether it can't serve that. */
  async answer(refuse = false): Promise<void> {
    const difference = this.sent.shift();
    if (difference === undefined) return;
    try {
      if (refuse) throw new Error("not here");
      await this.state.apply(difference);
      this.settled = this.state.settled;
      this.refusal = this.feed.answered(undefined);
    } catch (error) {
      this.refusal = this.feed.answered((error as Error).message);
    }
    if (this.refusal === undefined) this.applied = difference.version;
    this.feed.next(log);
  }

  /** The listeners and pools that it serves, in the order of the names. */
  served(store: Store): object {
    return {
      listeners: [...store.names.listeners, "a", "b", "c"].map(
        (name) => this.state.listener(name)?.definition,
      ),
      pools: sorted([...this.state.pools.values()].map(({ definition }) => definition)),
    };
  }

  #receive(message: ToWorker): void {
    assert.equal(message.type, "change");
    if (message.type === "change") this.sent.push(this.#tls.unpack(structuredClone(message.difference)));
  }
}

/** A store with the workers that serve what it has. */
export class FeedScene {
  readonly store: Store;
  readonly workers: readonly FakeWorker[];
  /** The settings of the log that go with every change. */
  readonly log = log;

  constructor(wanted: Wanted, count: number) {
    const counters = new WorkerCounters(count);
    const shared = createSharedMemory();
    this.store = new Store(wanted, boundAs(wanted), shared, counters);
    this.store.takeTouched();
    this.workers = counters.memories.map(
      (memory, index) => new FakeWorker(this.store, shared, memory, { index, count }),
    );
  }

  /** Sends the changes to workers that have none under way. */
  spread(): void {
    const touched = this.store.takeTouched();
    for (const { feed } of this.workers) {
      feed.touch(touched);
      feed.next(log);
    }
  }

  /** Until every worker has answered all that there is. */
  async settle(): Promise<void> {
    while (this.workers.some(({ sent }) => sent.length > 0))
      for (const worker of this.workers) await worker.answer();
  }

  /** The listeners and pools that every worker is to serve. */
  wanted(): object {
    const { listeners, pools } = this.store.snapshot;
    return {
      listeners: [...this.store.names.listeners, "a", "b", "c"].map((name) =>
        listeners.find((listener) => listener.name === name),
      ),
      pools: sorted(pools),
    };
  }
}

const sorted = <T extends { readonly name: string }>(things: readonly T[]): readonly T[] =>
  things.toSorted((one, other) => (one.name < other.name ? -1 : 1));
