import type { SharedMemory } from "../../channel/memory.ts";
import type { PlacedBackend } from "../../model/backend.ts";
import type { HealthPolicy, OutlierSpec } from "../../model/health.ts";
import type { PlacedPool } from "../../model/snapshot.ts";
import type { Logger } from "../../observe/logger.ts";
import { jittered, type Timers } from "../timers.ts";
import type { Verdicts } from "./verdicts.ts";

/** How often it is looked at what the workers report, in milliseconds. */
export const sweepInterval = 100;

/** A backend's ejections. */
interface Ejections {
  total: number;
  /** Ejections that followed soon on each other; each makes the next one longer. */
  streak: number;
  /** When the present one is over, or the last one was. */
  until: number;
}

/** Puts backends aside for a while on which sessions fail one after the other. */
export class Outliers {
  readonly #shared: SharedMemory;
  readonly #verdicts: Verdicts;
  readonly #logger: Logger;
  readonly #timers: Timers;
  readonly #random: () => number;
  readonly #records = new Map<number, Ejections>();

  constructor(
    shared: SharedMemory,
    verdicts: Verdicts,
    logger: Logger,
    timers: Timers,
    random: () => number,
  ) {
    this.#shared = shared;
    this.#verdicts = verdicts;
    this.#logger = logger;
    this.#timers = timers;
    this.#random = random;
  }

  /** How often a backend was ejected. */
  total({ slot }: PlacedBackend): number {
    return this.#records.get(slot)?.total ?? 0;
  }

  /** A backend has left its pool. */
  forget({ slot }: PlacedBackend): void {
    this.#records.delete(slot);
  }

  /** Ejects who has failed too often, and lets those back whose time is over. */
  sweep(pool: PlacedPool, { outlier, panicThreshold }: HealthPolicy): void {
    for (const backend of pool.backends) {
      const ejected = this.#verdicts.has(backend, "ejected");
      const until = this.#records.get(backend.slot)?.until ?? Number.NEGATIVE_INFINITY;
      if (ejected && (until <= this.#timers.now() || !outlier.enabled))
        this.#release(pool, panicThreshold, backend, "its ejection is over");
      const errors = this.#shared.backendErrors[backend.slot]!;
      if (
        !ejected &&
        outlier.enabled &&
        errors >= outlier.consecutiveErrors &&
        this.#mayEject(pool, backend, outlier)
      )
        this.#eject(pool, panicThreshold, backend, outlier);
    }
  }

  /** A backend has passed an active check, which ends its ejection. */
  passed(pool: PlacedPool, threshold: number, backend: PlacedBackend): void {
    if (this.#verdicts.has(backend, "ejected")) this.#release(pool, threshold, backend, "it passed a check");
  }

  /** Not the last healthy one, and no more of the pool than configured; but one, also of a small pool. */
  #mayEject({ backends }: PlacedPool, backend: PlacedBackend, { maxPercent }: OutlierSpec): boolean {
    const ejected = backends.filter((other) => this.#verdicts.has(other, "ejected")).length;
    const most = maxPercent === 0 ? 0 : Math.max(1, Math.floor((backends.length * maxPercent) / 100));
    return (
      ejected < most &&
      this.#verdicts.healthy(backend) &&
      backends.some((other) => other.slot !== backend.slot && this.#verdicts.healthy(other))
    );
  }

  #eject(pool: PlacedPool, threshold: number, backend: PlacedBackend, outlier: OutlierSpec): void {
    const now = this.#timers.now();
    const record = this.#records.get(backend.slot) ?? { total: 0, streak: 0, until: now };
    // One ejection is forgiven for each `base` without one.
    const forgiven = Math.floor((now - record.until) / outlier.base);
    record.streak = Math.max(0, record.streak - forgiven) + 1;
    const time = jittered(Math.min(outlier.base * record.streak, outlier.max), this.#random);
    record.total++;
    record.until = now + time;
    this.#records.set(backend.slot, record);
    this.#verdicts.mark(pool, threshold, backend, "ejected", true);
    this.#logger.warn(
      {
        pool: pool.name,
        backend: backend.address,
        errors: this.#shared.backendErrors[backend.slot],
        ejected_ms: Math.round(time),
      },
      "backend is ejected: one session after the other failed on it",
    );
  }

  #release(pool: PlacedPool, threshold: number, backend: PlacedBackend, cause: string): void {
    const record = this.#records.get(backend.slot);
    if (record !== undefined) record.until = Math.min(record.until, this.#timers.now());
    // What failed until now has been atoned for.
    Atomics.store(this.#shared.backendErrors, backend.slot, 0);
    this.#verdicts.mark(pool, threshold, backend, "ejected", false);
    this.#logger.info({ pool: pool.name, backend: backend.address, cause }, "backend is no longer ejected");
  }
}
