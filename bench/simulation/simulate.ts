import type { PlacedBackend } from "../../src/model/backend.ts";
import type { PickerSpec } from "../../src/model/pool.ts";
import { clientAddresses, placedBackends, seededRandom } from "../../test/support/pickers.ts";
import { SimulatedPool } from "./pool.ts";
import { EventQueue } from "./queue.ts";

/** The scenario that is simulated; times in milliseconds. */
export interface Scenario {
  readonly name: string;
  readonly backends: number;
  readonly workers: number;
  readonly sessions: number;
  /** The part of all backends' capacity that the sessions need, 0 to 1. */
  readonly utilisation: number;
  /** How fast a backend is; 1: an answer takes {@link meanService}. */
  speed(index: number): number;
  /** The weight that the configuration gives it. */
  weight(index: number): number;
  /** How long a backend that has just begun is slower than it will be; 0: never. */
  readonly warmUp: number;
  readonly slowStart: number;
  /** Called every second, for what befalls the backends. */
  everySecond?(world: World, second: number): void;
}

/** The events that can befall backends. */
export interface World {
  /** Is killed: its sessions are cut, and new ones are refused. */
  stop(indexes: readonly number[]): void;
  start(indexes: readonly number[]): void;
  /** Discovery replaces these by new ones. */
  replace(indexes: readonly number[]): void;
}

export interface Outcome {
  /** Times of sessions from accept to answer, in milliseconds; of those that were not cut. */
  readonly p50: number;
  readonly p99: number;
  /** Mean over time of the 99th percentile of a backend's open sessions for its weight, relative to the mean of all. */
  readonly spread: number;
  /** Sessions that found no backend within their attempts, and all. */
  readonly lost: number;
  readonly sessions: number;
  /** New sessions per backend that was there from the start, by second. */
  readonly begun: readonly Int32Array[];
}

/** Sessions that a backend answers at a time; more wait for their turn. */
const lanes = 8;
/** The mean of exponentially distributed times that answers take, in milliseconds. */
export const meanService = 1000;
const connectTime = 1;
const attempts = 3;
const sweepInterval = 100;
/** How slow a backend is at first, for {@link Scenario.warmUp}. */
const coldSpeed = 0.25;
const clients = clientAddresses(1 << 17);
/** The measurement begins here, in milliseconds. */
const settled = 10_000;

/** Plays a scenario with one picker. The same seed gives the same outcome. */
export function simulate(scenario: Scenario, spec: PickerSpec, seed: number): Outcome {
  return new Simulation(scenario, spec, seed).run();
}

class Simulation implements World {
  readonly #scenario: Scenario;
  readonly #pool: SimulatedPool;
  readonly #random: () => number;
  readonly #departures = new EventQueue();
  /** By slot, when each lane is free. */
  readonly #free: Float64Array;
  readonly #speeds: Float64Array;
  readonly #begunAt: Float64Array;
  readonly #stopped: Uint8Array;
  /** By slot, how often it was stopped; by session, how often its backend had been. */
  readonly #stops: Int32Array;
  readonly #stopsBefore: Int32Array;
  /** By session: where it is, and when it began. */
  readonly #slots: Int32Array;
  readonly #began: Float64Array;
  readonly #times: Float64Array;
  readonly #begun: Int32Array[] = [];
  #spreads = 0;
  #samples = 0;
  #lost = 0;

  constructor(scenario: Scenario, spec: PickerSpec, seed: number) {
    const { backends, sessions, workers, slowStart } = scenario;
    this.#scenario = scenario;
    this.#random = seededRandom(seed);
    this.#pool = new SimulatedPool(spec, workers, slowStart, seededRandom(seed + 1));
    const slots = 2 * backends;
    this.#free = new Float64Array(slots * lanes);
    this.#speeds = Float64Array.from({ length: slots }, (_, slot) => scenario.speed(slot % backends));
    this.#begunAt = new Float64Array(slots).fill(Number.NEGATIVE_INFINITY);
    this.#stopped = new Uint8Array(slots);
    this.#stops = new Int32Array(slots);
    this.#stopsBefore = new Int32Array(sessions);
    this.#slots = new Int32Array(sessions);
    this.#began = new Float64Array(sessions);
    this.#times = new Float64Array(sessions);
    const weights = Array.from({ length: slots }, (_, slot) => scenario.weight(slot % backends));
    this.#all = placedBackends(weights);
    this.#pool.setBackends(this.#all.slice(0, backends));
  }

  /** A place for each backend, and one for the one that replaces it. */
  readonly #all: readonly PlacedBackend[];

  run(): Outcome {
    const { sessions, utilisation, backends, workers } = this.#scenario;
    const capacity = this.#speeds.subarray(0, backends).reduce((sum, speed) => sum + speed * lanes, 0);
    const gap = meanService / (capacity * utilisation);
    let now = 0;
    let swept = 0;
    for (let session = 0; session < sessions; session++) {
      now -= gap * Math.log(1 - this.#random());
      for (; swept <= now; swept += sweepInterval) {
        this.#depart(swept);
        this.#sweep(swept);
      }
      this.#depart(now);
      this.#pool.clock.now = now;
      const worker = Math.floor(this.#random() * workers);
      const client = clients[Math.floor(this.#random() * clients.length)]!;
      this.#arrive(session, now, worker, client);
    }
    return this.#outcome();
  }

  stop(indexes: readonly number[]): void {
    for (const index of indexes) {
      const { slot } = this.#present(index);
      this.#stopped[slot] = 1;
      this.#stops[slot]!++;
      this.#free.fill(0, slot * lanes, (slot + 1) * lanes);
      this.#pool.shared.backendActive[slot] = 0;
    }
  }

  start(indexes: readonly number[]): void {
    for (const index of indexes) {
      const backend = this.#present(index);
      this.#stopped[backend.slot] = 0;
      this.#begunAt[backend.slot] = this.#pool.clock.now;
      this.#pool.recovered(backend);
    }
  }

  replace(indexes: readonly number[]): void {
    const { backends } = this.#scenario;
    const found = [...this.#pool.backends];
    for (const index of indexes) {
      const { slot } = found[index]!;
      const heir = this.#all[slot < backends ? slot + backends : slot - backends]!;
      this.#begunAt[heir.slot] = this.#pool.clock.now;
      found[index] = heir;
    }
    this.#pool.setBackends(found);
  }

  #present(index: number): PlacedBackend {
    return this.#pool.backends[index]!;
  }

  #arrive(session: number, now: number, worker: number, client: string): void {
    let backend = this.#pool.begin(worker, client);
    let start = now;
    for (let attempt = 1; backend !== undefined && this.#stopped[backend.slot] === 1; attempt++) {
      this.#pool.failed(backend.slot);
      start += connectTime;
      backend = attempt === attempts ? undefined : this.#pool.next(worker);
    }
    if (backend === undefined) {
      this.#lost++;
      return;
    }
    const { slot } = backend;
    const second = Math.floor(now / 1000);
    this.#begun[second] ??= new Int32Array(this.#scenario.backends);
    if (slot < this.#scenario.backends) this.#begun[second][slot]!++;
    this.#slots[session] = slot;
    this.#stopsBefore[session] = this.#stops[slot]!;
    this.#began[session] = now;
    this.#departures.add(this.#serve(slot, start + connectTime), session);
  }

  /** In the lane that is free first. @returns when the answer is there. */
  #serve(slot: number, from: number): number {
    let lane = slot * lanes;
    for (let other = lane + 1; other < (slot + 1) * lanes; other++)
      if (this.#free[other]! < this.#free[lane]!) lane = other;
    const start = Math.max(from, this.#free[lane]!);
    const warmth = Math.min(1, (start - this.#begunAt[slot]!) / this.#scenario.warmUp);
    // Without a warm-up 0 / 0 may come out of it.
    const heat = this.#scenario.warmUp === 0 ? 1 : coldSpeed + (1 - coldSpeed) * warmth;
    const took = -Math.log(1 - this.#random()) * meanService;
    const end = start + took / (this.#speeds[slot]! * heat);
    this.#free[lane] = end;
    return end;
  }

  #depart(until: number): void {
    while (this.#departures.next <= until) {
      const time = this.#departures.next;
      const session = this.#departures.take();
      const slot = this.#slots[session]!;
      if (this.#stopsBefore[session] !== this.#stops[slot]) continue;
      this.#times[session] = time - this.#began[session]!;
      this.#pool.clock.now = time;
      this.#pool.ended(slot, this.#times[session]!);
    }
  }

  #sweep(now: number): void {
    this.#pool.clock.now = now;
    if (now % 1000 === 0) {
      this.#scenario.everySecond?.(this, now / 1000);
      if (now >= settled) this.#sample();
    }
    this.#pool.sweep();
  }

  #sample(): void {
    const { backendActive, backendFlags } = this.#pool.shared;
    const serving = this.#pool.backends.filter(({ slot }) => backendFlags[slot] === 0);
    const open = serving.reduce((sum, { slot }) => sum + backendActive[slot]!, 0);
    if (open === 0) return;
    const weights = serving.reduce((sum, { weight }) => sum + weight, 0);
    const loads = Float64Array.from(serving, ({ slot, weight }) => backendActive[slot]! / weight).sort();
    this.#spreads += (percentile(loads, 0.99) * weights) / open;
    this.#samples++;
  }

  #outcome(): Outcome {
    this.#depart(Number.POSITIVE_INFINITY);
    const measured = this.#times
      .filter((time, session) => time > 0 && this.#began[session]! >= settled)
      .sort();
    return {
      p50: percentile(measured, 0.5),
      p99: percentile(measured, 0.99),
      spread: this.#spreads / this.#samples,
      lost: this.#lost,
      sessions: this.#scenario.sessions,
      begun: this.#begun,
    };
  }
}

/** @param sorted ascending. */
function percentile(sorted: Float64Array, part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}
