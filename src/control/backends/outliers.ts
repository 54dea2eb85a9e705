import type { CounterMemory } from "../../channel/counters.ts";
import { type SharedMemory, usedSlots } from "../../channel/memory.ts";
import { sinceSystemStart } from "../../lib/monotonic.ts";
import type { PlacedBackend } from "../../model/backend.ts";
import type { EjectionChance, FailureRateSpec, OutlierSpec } from "../../model/health.ts";
import type { Logger } from "../../observe/logger.ts";
import type { ManagedPool } from "../state/managed-pool.ts";
import { jittered, type Timers } from "../timers.ts";
import type { Standing } from "./standing.ts";
import { findFailing, findLaggards, SuccessRates } from "./success-rates.ts";
import type { Verdicts } from "./verdicts.ts";

/** How often it is looked at what the workers report, in milliseconds. */
export const sweepInterval = 100;

/** A backend's ejections. */
interface Ejections {
  total: number;
  /** Ejections that followed soon on each other; each makes the next one longer. */
  streak: number;
  /** When the last one began. */
  since: number;
  /** Why, in words. */
  cause: string;
  /** When the present one is over, or the last one was. */
  until: number;
}

/** Why a backend is ejected, and how likely. */
interface Offence extends EjectionChance {
  readonly cause: string;
  /** For the log. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** How often backends of a pool are compared, in milliseconds. */
export const comparisonInterval = 10_000;

/** A backend whose sessions are looked at. */
interface Subject {
  readonly pool: ManagedPool;
  readonly backend: PlacedBackend;
}

/** Puts backends aside for a while on which sessions fail one after the other, or more often than on others. */
export class Outliers {
  readonly #shared: SharedMemory;
  readonly #verdicts: Verdicts;
  readonly #logger: Logger;
  readonly #timers: Timers;
  readonly #random: () => number;
  /** By slot. */
  readonly #records = new Map<number, Ejections>();
  /** Slots of those that are ejected. */
  readonly #ejected = new Set<number>();
  readonly #rates: SuccessRates;
  #comparesAt: number;

  constructor(
    {
      shared,
      memories,
      logger,
    }: { shared: SharedMemory; memories: readonly CounterMemory[]; logger: Logger },
    verdicts: Verdicts,
    timers: Timers,
    random: () => number,
  ) {
    this.#shared = shared;
    this.#rates = new SuccessRates(memories);
    this.#comparesAt = timers.now() + comparisonInterval;
    this.#verdicts = verdicts;
    this.#logger = logger;
    this.#timers = timers;
    this.#random = random;
  }

  /** How often a backend was ejected. */
  total({ slot }: PlacedBackend): number {
    return this.#records.get(slot)?.total ?? 0;
  }

  /** Why a backend is ejected; undefined for one that never was. */
  standing({ slot }: PlacedBackend): Standing | undefined {
    const record = this.#records.get(slot);
    if (record === undefined) return undefined;
    const now = this.#timers.now();
    const { cause, since, until } = record;
    return { cause, age: now - since, left: Math.max(0, until - now) };
  }

  /** A backend is in its pool; it may have been ejected before it left. */
  watch(backend: PlacedBackend): void {
    if (this.#verdicts.has(backend, "ejected")) this.#ejected.add(backend.slot);
  }

  /** A backend has left its pool. */
  forget(slot: number): void {
    this.#records.delete(slot);
    this.#ejected.delete(slot);
    this.#rates.forget(slot);
  }

  /**
   * Ejects who has failed too often, and lets those back whose time is over. Only they are looked at, not every backend.
   * @param watched all backends, by slot.
   */
  sweep(watched: ReadonlyMap<number, Subject>): void {
    for (const slot of [...this.#ejected]) {
      const { pool, backend } = watched.get(slot)!;
      const until = this.#records.get(slot)?.until ?? Number.NEGATIVE_INFINITY;
      if (until <= this.#timers.now() || !pool.config.health.outlier.enabled)
        this.#release(pool, backend, "its ejection is over");
    }
    const { backendErrors } = this.#shared;
    const used = usedSlots(this.#shared, "backend");
    for (let slot = 0; slot < used; slot++) {
      if (backendErrors[slot] === 0 || this.#ejected.has(slot)) continue;
      const subject = watched.get(slot);
      if (subject !== undefined) this.#judge(subject, backendErrors[slot]!);
    }
    if (this.#timers.now() >= this.#comparesAt) this.#compareAll(watched);
  }

  #compareAll(watched: ReadonlyMap<number, Subject>): void {
    this.#comparesAt = this.#timers.now() + comparisonInterval;
    for (const pool of new Set([...watched.values()].map((subject) => subject.pool))) this.#compare(pool);
  }

  #compare(pool: ManagedPool): void {
    const { outlier } = pool.config.health;
    const fared = this.#rates.take(pool.placed.backends);
    if (!outlier.enabled) return;
    if (outlier.failureRate !== undefined) this.#ejectFailing(pool, fared, outlier.failureRate);
    if (outlier.successRate === undefined) return;
    for (const { which, rate, mean } of findLaggards(fared, outlier.successRate)) {
      const { backend } = which;
      if (this.#ejected.has(backend.slot) || !this.#mayEject(pool, backend, outlier)) continue;
      const [own, others] = [rate, mean].map((share) => Math.round(share * 1_000) / 10);
      this.#eject(pool, backend, outlier, {
        cause: `it served ${own} % of what it was asked, its pool ${others} %`,
        fields: { served_percent: own, pool_percent: others },
        message: "backend is ejected: it serves less than the others of its pool",
        chance: outlier.successRate.chance,
      });
    }
  }

  #ejectFailing(pool: ManagedPool, fared: ReturnType<SuccessRates["take"]>, spec: FailureRateSpec): void {
    const { outlier } = pool.config.health;
    for (const { which, rate } of findFailing(fared, spec)) {
      const { backend } = which;
      if (this.#ejected.has(backend.slot) || !this.#mayEject(pool, backend, outlier)) continue;
      const failed = Math.round(rate * 1_000) / 10;
      this.#eject(pool, backend, outlier, {
        cause: `${failed} % of what it was asked failed`,
        fields: { failed_percent: failed },
        message: "backend is ejected: too much of what it was asked failed",
        chance: spec.chance,
      });
    }
  }

  /** A backend has passed an active check, which ends its ejection. */
  passed(pool: ManagedPool, backend: PlacedBackend): void {
    if (this.#ejected.has(backend.slot)) this.#release(pool, backend, "it passed a check");
  }

  #judge({ pool, backend }: Subject, errors: number): void {
    const { outlier } = pool.config.health;
    if (!outlier.enabled || errors < outlier.consecutiveErrors || !this.#mayEject(pool, backend, outlier))
      return;
    const isEjected = this.#eject(pool, backend, outlier, {
      cause: `${errors} sessions in a row failed on it`,
      fields: { errors },
      message: "backend is ejected: one session after the other failed on it",
      chance: outlier.chance,
    });
    // As many have to fail again before chance decides anew.
    if (!isEjected) Atomics.store(this.#shared.backendErrors, backend.slot, 0);
  }

  /** Not the last healthy one, and no more of the pool than configured; but one, also of a small pool, unless it says otherwise. */
  #mayEject(
    { placed }: ManagedPool,
    backend: PlacedBackend,
    { maxPercent, oneAtLeast = true }: OutlierSpec,
  ): boolean {
    const { backends } = placed;
    const ejected = backends.filter((other) => this.#verdicts.has(other, "ejected")).length;
    const least = maxPercent > 0 && oneAtLeast ? 1 : 0;
    const most = Math.max(least, Math.floor((backends.length * maxPercent) / 100));
    return (
      ejected < most &&
      this.#verdicts.healthy(backend) &&
      backends.some((other) => other.slot !== backend.slot && this.#verdicts.healthy(other))
    );
  }

  /** @returns whether chance has it so. */
  #eject(pool: ManagedPool, backend: PlacedBackend, outlier: OutlierSpec, offence: Offence): boolean {
    const { cause, fields, message, chance = 100 } = offence;
    if (chance < 100 && this.#random() * 100 >= chance) {
      this.#logger.info(
        { pool: pool.name, backend: backend.address, ...fields, cause },
        "backend is spared by chance",
      );
      return false;
    }
    const now = this.#timers.now();
    const record = this.#records.get(backend.slot) ?? {
      total: 0,
      streak: 0,
      since: now,
      cause: "",
      until: now,
    };
    // One ejection is forgiven for each `base` without one.
    const forgiven = Math.floor((now - record.until) / outlier.base);
    record.streak = Math.max(0, record.streak - forgiven) + 1;
    const time = jittered(Math.min(outlier.base * record.streak, outlier.max), this.#random);
    record.total++;
    record.since = now;
    record.cause = cause;
    record.until = now + time;
    this.#records.set(backend.slot, record);
    this.#ejected.add(backend.slot);
    this.#verdicts.mark(pool, backend, "ejected", true);
    this.#tellReturn(pool);
    this.#logger.warn(
      {
        pool: pool.name,
        backend: backend.address,
        ...fields,
        ejected_ms: Math.round(time),
      },
      message,
    );
    return true;
  }

  #release(pool: ManagedPool, backend: PlacedBackend, cause: string): void {
    const record = this.#records.get(backend.slot);
    if (record !== undefined) record.until = Math.min(record.until, this.#timers.now());
    // Only failures from now on count against it.
    Atomics.store(this.#shared.backendErrors, backend.slot, 0);
    this.#ejected.delete(backend.slot);
    this.#verdicts.mark(pool, backend, "ejected", false);
    this.#tellReturn(pool);
    this.#logger.info({ pool: pool.name, backend: backend.address, cause }, "backend is no longer ejected");
  }

  /** Workers tell clients of HTTP when the first backend will be back. */
  #tellReturn({ placed }: ManagedPool): void {
    const ends = placed.backends
      .filter(({ slot }) => this.#ejected.has(slot))
      .flatMap(({ slot }) => this.#records.get(slot)?.until ?? []);
    const left = Math.min(...ends) - this.#timers.now();
    const at = ends.length === 0 ? 0 : Math.ceil((performance.now() + sinceSystemStart + left) / 1_000);
    Atomics.store(this.#shared.poolBackAt, placed.slot, at);
  }
}
