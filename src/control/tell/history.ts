import {
  backendCell,
  type CounterMemory,
  connectFailureList,
  listenerCell,
  sumCells,
} from "../../channel/counters.ts";
import { openConnections, type SharedMemory } from "../../channel/memory.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import { openToBackend } from "../state/counts.ts";

/** Time between two samples, in milliseconds. */
const period = 5_000;
/** The last 15 minutes. */
const mostSamples = 180;
/** Pools beyond that have no history. */
const mostPools = 64;

/** The answer to `GET /history`: the last 15 minutes, oldest sample first. Rates are per second. */
export interface HistoryAnswer {
  readonly period_seconds: number;
  /** Open client connections. */
  readonly connections: readonly number[];
  readonly sessions_per_second: readonly number[];
  readonly received_bytes_per_second: readonly number[];
  readonly sent_bytes_per_second: readonly number[];
  /** Attempts to connect a backend that failed. */
  readonly failures_per_second: readonly number[];
  /** Open connections to the backends of each pool; null before the pool was there. */
  readonly pools: Readonly<Record<string, readonly (number | null)[]>>;
}

interface Sample {
  readonly at: number;
  readonly open: number;
  readonly accepted: number;
  readonly received: number;
  readonly sent: number;
  readonly failures: number;
  readonly pools: ReadonlyMap<string, number>;
}

/** The figures that are sampled. */
interface Sources {
  readonly memories: readonly CounterMemory[];
  readonly shared: SharedMemory;
  readonly snapshot: () => Snapshot;
}

/** Keeps the figures of the last 15 minutes in memory, one sample each five seconds, so that a page can draw them. */
export class History {
  readonly #sources: Sources;
  readonly #samples: Sample[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(sources: Sources) {
    this.#sources = sources;
    this.sample(performance.now());
    this.#timer = setInterval(() => this.sample(performance.now()), period).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** @param now in milliseconds. */
  sample(now: number): void {
    const { memories, shared, snapshot } = this.#sources;
    const { listeners, pools } = snapshot();
    const ofListeners = (cell: number): number =>
      listeners.reduce((sum, { counters }) => sum + sumCells(memories, counters + cell), 0);
    const some = pools.slice(0, mostPools);
    const backends = some.flatMap((pool) => pool.backends);
    this.#samples.push({
      at: now,
      open: Atomics.load(shared.process, openConnections),
      accepted: ofListeners(listenerCell.accepted),
      received: ofListeners(listenerCell.received),
      sent: ofListeners(listenerCell.sent),
      failures: backends.reduce((sum, { counters }) => sum + failuresAt(memories, counters), 0),
      pools: new Map(
        some.map((pool) => [
          pool.name,
          pool.backends.reduce((sum, backend) => sum + openToBackend(memories, backend), 0),
        ]),
      ),
    });
    // One more than is told: rates are differences.
    if (this.#samples.length > mostSamples + 1) this.#samples.shift();
  }

  read(): HistoryAnswer {
    const samples = this.#samples.slice(-mostSamples);
    const names = this.#sources.snapshot().pools.slice(0, mostPools);
    return {
      period_seconds: period / 1000,
      connections: samples.map(({ open }) => open),
      sessions_per_second: this.#rates("accepted"),
      received_bytes_per_second: this.#rates("received"),
      sent_bytes_per_second: this.#rates("sent"),
      failures_per_second: this.#rates("failures"),
      pools: Object.fromEntries(
        names.map(({ name }) => [name, samples.map(({ pools }) => pools.get(name) ?? null)]),
      ),
    };
  }

  /** A backend that left took its counts along, so that a sum may fall: that is no rate. */
  #rates(key: "accepted" | "received" | "sent" | "failures"): readonly number[] {
    return this.#samples.slice(1).map((sample, index) => {
      const before = this.#samples[index]!;
      const seconds = (sample.at - before.at) / 1000;
      return Math.max(0, Math.round(((sample[key] - before[key]) / seconds) * 10) / 10);
    });
  }
}

const failuresAt = (memories: readonly CounterMemory[], counters: number): number =>
  connectFailureList.reduce(
    (sum, _, index) => sum + sumCells(memories, counters + backendCell.failures + index),
    0,
  );
