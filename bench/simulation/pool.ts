import { createSharedMemory } from "../../src/channel/memory.ts";
import { SlowStarts, type StartingPool } from "../../src/control/backends/slow-start.ts";
import { Latencies } from "../../src/data/pick/latency.ts";
import type { PickContext, Picker } from "../../src/data/pick/picker.ts";
import { createPicker } from "../../src/data/pick/registry.ts";
import type { PlacedBackend } from "../../src/model/backend.ts";
import { latencyDecay, type PickerSpec } from "../../src/model/pool.ts";

/** The latency that a failed attempt counts for at least, in milliseconds, as on the path of a session. */
const failureLatency = 1000;
const ejectingErrors = 5;

/** A pool as its workers see it: umay's pickers, one for each worker, over umay's shared memory. */
export class SimulatedPool implements PickContext {
  readonly key = { clientAddress: "", serverName: "" };
  /** In milliseconds. */
  readonly clock = { now: 0 };
  readonly shared = createSharedMemory();
  readonly slowStarts: SlowStarts;
  readonly #spec: PickerSpec;
  readonly #pool: StartingPool;
  readonly #random: () => number;
  readonly #latencies: Latencies;
  readonly #measures: boolean;
  readonly #tried: number[] = [];
  #backends: readonly PlacedBackend[] = [];
  #pickers: readonly (Picker | undefined)[];

  constructor(spec: PickerSpec, workers: number, slowStart: number, random: () => number) {
    this.#spec = spec;
    this.#pool = { panic: [], placed: { slowStart } };
    this.#random = random;
    this.#pickers = Array.from({ length: workers });
    const decay = latencyDecay(spec);
    this.#measures = decay !== undefined;
    this.#latencies = new Latencies(this.shared.backendLatency, this.clock, decay ?? 1);
    const timers = { now: () => this.clock.now, after: () => () => {} };
    this.slowStarts = new SlowStarts(this.shared, timers);
  }

  get backends(): readonly PlacedBackend[] {
    return this.#backends;
  }

  /** Every worker builds its picker anew. */
  setBackends(backends: readonly PlacedBackend[]): void {
    const before = new Set(this.#backends.map(({ slot }) => slot));
    for (const backend of backends) {
      if (before.has(backend.slot)) continue;
      this.slowStarts.begin(this.#pool, backend, this.#backends);
    }
    this.#backends = backends;
    this.#pickers = this.#pickers.map((previous, index) =>
      createPicker(this.#spec, {
        backends,
        active: this.shared.backendActive,
        flags: this.shared.backendFlags,
        withheld: this.shared.backendWithheld,
        latency: this.shared.backendLatency,
        clock: this.clock,
        random: this.#random,
        previous,
        worker: { index, count: this.#pickers.length },
        peers: () => [],
      }),
    );
  }

  mayPick({ slot }: PlacedBackend): boolean {
    return this.shared.backendFlags[slot] === 0 && !this.#tried.includes(slot);
  }

  /** Begins a session. @returns where; undefined when no backend may be picked. */
  begin(worker: number, client: string): PlacedBackend | undefined {
    this.#tried.length = 0;
    this.key.clientAddress = client;
    return this.next(worker);
  }

  /** The session's next attempt. */
  next(worker: number): PlacedBackend | undefined {
    const backend = this.#pickers[worker]!.pick(this);
    if (backend === undefined) return undefined;
    this.#tried.push(backend.slot);
    this.shared.backendActive[backend.slot]!++;
    return backend;
  }

  /** The attempt failed. */
  failed(slot: number): void {
    this.shared.backendActive[slot]!--;
    this.shared.backendErrors[slot]!++;
    if (this.#measures) this.#latencies.waited(slot, failureLatency);
  }

  /** The session had its answer and ended. @param took in milliseconds. */
  ended(slot: number, took: number): void {
    this.shared.backendActive[slot]!--;
    this.shared.backendErrors[slot] = 0;
    if (this.#measures) this.#latencies.answered(slot, took);
  }

  /** Ejects backends on which one session after the other failed, and moves slow starts on. */
  sweep(): void {
    this.slowStarts.sweep();
    for (const { slot } of this.#backends)
      if (this.shared.backendErrors[slot]! >= ejectingErrors) this.shared.backendFlags[slot] = 1;
  }

  /** A backend that was ejected is back. */
  recovered(backend: PlacedBackend): void {
    this.shared.backendErrors[backend.slot] = 0;
    if (this.shared.backendFlags[backend.slot] === 0) return;
    const others = this.#backends.filter(({ slot }) => this.shared.backendFlags[slot] === 0);
    this.slowStarts.begin(this.#pool, backend, others);
    this.shared.backendFlags[backend.slot] = 0;
  }
}
