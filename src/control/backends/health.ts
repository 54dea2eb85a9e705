import { isDeepStrictEqual } from "node:util";
import type { SharedMemory } from "../../channel/memory.ts";
import type { HealthCheck } from "../../health/check.ts";
import { createCheck } from "../../health/registry.ts";
import type { PlacedBackend } from "../../model/backend.ts";
import type { CheckSpec, HealthPolicy } from "../../model/health.ts";
import type { PlacedPool } from "../../model/snapshot.ts";
import type { Logger } from "../../observe/logger.ts";
import type { BackendHealth, HealthReading } from "../tell/readings.ts";
import { systemTimers, type Timers } from "../timers.ts";
import { Checker } from "./checker.ts";
import { FirstChecks } from "./first-checks.ts";
import { Outliers, sweepInterval } from "./outliers.ts";
import { SlowStarts } from "./slow-start.ts";
import { Verdicts } from "./verdicts.ts";

/** How long sessions may have to wait for the first check of a backend, in milliseconds. */
export const longestFirstCheck = 1_000;

/** A backend that is watched, and what was seen of it. */
interface Watched {
  readonly pool: string;
  readonly backend: PlacedBackend;
  /** Undefined without active checks. */
  readonly checker: Checker | undefined;
  changes: number;
  checkFailures: number;
}

/** What the health of backends is found out with. */
export interface HealthSurroundings {
  readonly shared: SharedMemory;
  readonly logger: Logger;
  readonly timers?: Timers;
  /** Uniform in [0, 1). */
  readonly random?: () => number;
  readonly create?: typeof createCheck;
}

/** Knows which backends work: by active checks, one checker for each, and by how sessions fare on them. */
export class HealthMonitor implements HealthReading {
  readonly #logger: Logger;
  readonly #timers: Timers;
  readonly #random: () => number;
  readonly #create: typeof createCheck;
  readonly #verdicts: Verdicts;
  readonly #outliers: Outliers;
  readonly #slowStarts: SlowStarts;
  readonly #firstChecks: FirstChecks;
  /** By slot. */
  readonly #watched = new Map<number, Watched>();
  /** By slot: backends whose first check is not over, and until when they are not picked for that. */
  readonly #checking = new Map<
    number,
    { readonly pool: PlacedPool; readonly backend: PlacedBackend; readonly until: number }
  >();
  #pools: ReadonlyMap<string, PlacedPool> = new Map();
  #policies: ReadonlyMap<string, HealthPolicy> = new Map();
  #checks = new Map<string, HealthCheck>();
  #cancelSweep: () => void;
  #stopped = false;

  constructor(surroundings: HealthSurroundings) {
    const { shared, logger, timers = systemTimers, random = Math.random } = surroundings;
    this.#create = surroundings.create ?? createCheck;
    this.#logger = logger;
    this.#timers = timers;
    this.#random = random;
    this.#slowStarts = new SlowStarts(shared, timers);
    this.#firstChecks = new FirstChecks(timers);
    this.#verdicts = new Verdicts(shared, logger, this.#slowStarts);
    this.#outliers = new Outliers(shared, this.#verdicts, logger, timers, random);
    this.#cancelSweep = timers.after(sweepInterval, () => this.#sweep());
  }

  /**
   * Watches these backends from now on. Those that stay keep their state; so does one that has its place again.
   * @param policies of every pool.
   */
  update(pools: readonly PlacedPool[], policies: ReadonlyMap<string, HealthPolicy>): void {
    if (this.#stopped) return;
    const before = this.#policies;
    this.#pools = new Map(pools.map((pool) => [pool.name, pool]));
    this.#policies = policies;
    this.#forgetGone();
    for (const pool of pools) {
      const policy = policies.get(pool.name)!;
      const check = before.get(pool.name)?.check;
      if (sameButTls(check, policy.check)) this.#renewCheck(pool, check, policy.check);
      else this.#changeCheck(pool, policy);
      this.#watchNew(pool, policy);
      this.#verdicts.refresh(pool, policy.panicThreshold);
    }
  }

  /** A backend that is not picked now is about to be, for reasons other than its health: it starts slowly. */
  returns(poolName: string, address: string): void {
    const pool = this.#pools.get(poolName);
    const backend = pool?.backends.find((other) => other.address === address);
    if (pool === undefined || backend === undefined) return;
    const serving = pool.backends.filter((other) => this.#verdicts.healthy(other));
    this.#slowStarts.begin(pool, backend, serving);
  }

  /** Resolves when every backend that is checked now has had its first result. */
  async firstResults(): Promise<void> {
    await Promise.all([...this.#watched.values()].map(({ checker }) => checker?.firstResult));
  }

  backend(slot: number): BackendHealth | undefined {
    const watched = this.#watched.get(slot);
    if (watched === undefined) return undefined;
    const { changes, checkFailures, checker, backend } = watched;
    return {
      changes,
      checkFailures: checker === undefined ? undefined : checkFailures,
      ejections: this.#outliers.total(backend),
    };
  }

  failsOpen(pool: string): boolean {
    return this.#verdicts.failsOpen(pool);
  }

  /** Backends keep the state that they have. */
  stop(): void {
    this.#stopped = true;
    this.#cancelSweep();
    this.#firstChecks.stop();
    for (const { checker } of this.#watched.values()) checker?.stop();
  }

  #forgetGone(): void {
    const present = new Set(
      [...this.#pools.values()].flatMap(({ backends }) => backends.map(({ slot }) => slot)),
    );
    for (const [slot, { checker, backend }] of this.#watched) {
      if (present.has(slot)) continue;
      checker?.stop();
      this.#endChecking(slot);
      this.#outliers.forget(backend);
      this.#slowStarts.forget(slot);
      this.#watched.delete(slot);
    }
    this.#verdicts.keepOnly(this.#pools);
  }

  /** The pool's backends are checked as before, if with other certificates. */
  #renewCheck(
    { name, backends }: PlacedPool,
    before: CheckSpec | undefined,
    spec: CheckSpec | undefined,
  ): void {
    if (spec === undefined || isDeepStrictEqual(before, spec)) return;
    const check = this.#create(spec);
    this.#checks.set(name, check);
    for (const { slot } of backends) this.#watched.get(slot)?.checker?.use(check);
  }

  /** The pool's backends are checked in another way from now on, or no longer. */
  #changeCheck(pool: PlacedPool, policy: HealthPolicy): void {
    const { check, panicThreshold } = policy;
    if (check === undefined) this.#checks.delete(pool.name);
    else this.#checks.set(pool.name, this.#create(check));
    for (const backend of pool.backends) {
      const watched = this.#watched.get(backend.slot);
      if (watched === undefined) continue;
      watched.checker?.stop();
      if (check === undefined) {
        this.#endChecking(backend.slot);
        if (this.#verdicts.has(backend, "down"))
          this.#verdicts.mark(pool, panicThreshold, backend, "down", false);
      }
      this.#watch(pool.name, backend, policy, watched);
    }
  }

  #watchNew(pool: PlacedPool, policy: HealthPolicy): void {
    const known = pool.backends.filter(({ slot }) => this.#watched.has(slot));
    if (known.length === pool.backends.length) return;
    const serving = known.filter((backend) => this.#verdicts.healthy(backend));
    for (const backend of pool.backends) {
      if (this.#watched.has(backend.slot)) continue;
      this.#slowStarts.begin(pool, backend, serving);
      if (policy.check !== undefined && !this.#verdicts.has(backend, "down"))
        this.#beginChecking(pool, backend);
      this.#watch(pool.name, backend, policy);
    }
  }

  /** A backend of which nothing is known is not picked before its first check is over, or has taken too long. */
  #beginChecking(pool: PlacedPool, backend: PlacedBackend): void {
    this.#checking.set(backend.slot, { pool, backend, until: this.#timers.now() + longestFirstCheck });
    this.#verdicts.setChecking(pool, backend, true);
  }

  #endChecking(slot: number): void {
    const first = this.#checking.get(slot);
    if (first === undefined) return;
    this.#checking.delete(slot);
    this.#verdicts.setChecking(first.pool, first.backend, false);
  }

  /** @param counts that go on. */
  #watch(
    pool: string,
    backend: PlacedBackend,
    { check }: HealthPolicy,
    { changes, checkFailures }: Pick<Watched, "changes" | "checkFailures"> = { changes: 0, checkFailures: 0 },
  ): void {
    const known = this.#verdicts.has(backend, "down") ? "down" : "unknown";
    const checker =
      check &&
      new Checker(check, this.#checks.get(pool)!, backend, known, {
        timers: this.#timers,
        firstChecks: this.#firstChecks,
        random: this.#random,
        checked: (failure, changed) => this.#checked(watched, failure, changed),
      });
    const watched: Watched = { pool, backend, checker, changes, checkFailures };
    this.#watched.set(backend.slot, watched);
    checker?.start();
  }

  #checked(watched: Watched, failure: Error | undefined, changed: boolean): void {
    const { backend } = watched;
    if (failure !== undefined) {
      watched.checkFailures++;
      const fields = { pool: watched.pool, backend: backend.address };
      this.#logger.debug({ ...fields, cause: failure.message }, "a health check failed");
    } else this.#outliers.passed(this.#pools.get(watched.pool)!, this.#threshold(watched), backend);
    const wasDown = this.#verdicts.has(backend, "down");
    if (changed && wasDown !== (failure !== undefined)) this.#change(watched, failure);
    // After that, so that there is no moment in which one that is down might be picked.
    this.#endChecking(backend.slot);
  }

  #change(watched: Watched, failure: Error | undefined): void {
    const { backend } = watched;
    const fields = { pool: watched.pool, backend: backend.address };
    watched.changes++;
    if (failure !== undefined) this.#logger.warn({ ...fields, cause: failure.message }, "backend is down");
    else this.#logger.info(fields, "backend is up");
    const pool = this.#pools.get(watched.pool)!;
    this.#verdicts.mark(pool, this.#threshold(watched), backend, "down", failure !== undefined);
  }

  #threshold({ pool }: Watched): number {
    return this.#policies.get(pool)!.panicThreshold;
  }

  #sweep(): void {
    for (const [slot, { until }] of this.#checking) if (until <= this.#timers.now()) this.#endChecking(slot);
    for (const pool of this.#pools.values()) {
      this.#outliers.sweep(pool, this.#policies.get(pool.name)!);
      this.#slowStarts.sweep(pool, this.#verdicts.failsOpen(pool.name));
    }
    this.#cancelSweep = this.#timers.after(sweepInterval, () => this.#sweep());
  }
}

/** Whether two checks differ at most in what they have from files. */
function sameButTls(left: CheckSpec | undefined, right: CheckSpec | undefined): boolean {
  return isDeepStrictEqual({ ...left, tls: undefined }, { ...right, tls: undefined });
}
