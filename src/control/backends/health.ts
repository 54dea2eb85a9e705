import { isDeepStrictEqual } from "node:util";
import type { CounterMemory } from "../../channel/counters.ts";
import type { SharedMemory } from "../../channel/memory.ts";
import { createCheck } from "../../health/registry.ts";
import type { PlacedBackend } from "../../model/backend.ts";
import type { CheckSpec } from "../../model/health.ts";
import { checkOf } from "../../model/transport.ts";
import type { Logger } from "../../observe/logger.ts";
import type { MadeCheck, ManagedPool } from "../state/managed-pool.ts";
import type { Touches } from "../state/touched.ts";
import { systemTimers, type Timers } from "../timers.ts";
import { Checker } from "./checker.ts";
import { FirstChecks } from "./first-checks.ts";
import { Outliers, sweepInterval } from "./outliers.ts";
import { SlowStarts } from "./slow-start.ts";
import type { Standing } from "./standing.ts";
import { Unchecked } from "./unchecked.ts";
import { Verdicts } from "./verdicts.ts";

/** A backend that is watched, and what was seen of it. */
interface Watched {
  readonly pool: ManagedPool;
  readonly backend: PlacedBackend;
  /** Undefined without active checks. */
  readonly checker: Checker | undefined;
  made: MadeCheck | undefined;
  /** The last change that checks made: when, and why; undefined: none. */
  changed: { readonly at: number; readonly cause: string } | undefined;
  changes: number;
  checkFailures: number;
}

/** Of a backend that is checked in another way from now on. */
type Kept = Pick<Watched, "changes" | "checkFailures" | "changed">;

/** How often it happened so far. */
export interface BackendHealth {
  /** From up to down, or back. */
  readonly changes: number;
  /** Undefined without active checks. */
  readonly checkFailures: number | undefined;
  readonly ejections: number;
  /** Undefined for one that has been up from the first check on. */
  readonly standing: Standing | undefined;
}

/** The means to find out the health of backends. */
export interface HealthSurroundings {
  /** A pool that is served, by its name. */
  readonly pool: (name: string) => ManagedPool | undefined;
  readonly shared: SharedMemory;
  /** Of all workers. */
  readonly memories: readonly CounterMemory[];
  readonly logger: Logger;
  readonly timers?: Timers;
  /** Uniform in [0, 1). */
  readonly random?: () => number;
  readonly create?: typeof createCheck;
}

/** Knows which backends work: by active checks, one checker for each, and by how sessions fare on them. */
export class HealthMonitor {
  readonly #pool: HealthSurroundings["pool"];
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
  readonly #unchecked: Unchecked;
  #cancelSweep: () => void;
  #stopped = false;

  constructor(surroundings: HealthSurroundings) {
    const { shared, logger, timers = systemTimers, random = Math.random } = surroundings;
    this.#pool = surroundings.pool;
    this.#create = surroundings.create ?? createCheck;
    this.#logger = logger;
    this.#timers = timers;
    this.#random = random;
    this.#slowStarts = new SlowStarts(shared, timers);
    this.#firstChecks = new FirstChecks(timers);
    this.#verdicts = new Verdicts(shared, logger, this.#slowStarts);
    this.#unchecked = new Unchecked(this.#verdicts, timers);
    this.#outliers = new Outliers(surroundings, this.#verdicts, timers, random);
    this.#cancelSweep = timers.after(sweepInterval, () => this.#sweep());
  }

  /**
   * Pools have changed, are new or have left, and backends have left them. Those that stay keep their state; so does one
   * that has its place again.
   */
  follow({ pools, left }: Pick<Touches, "pools" | "left">): void {
    if (this.#stopped) return;
    const present = new Set<number>();
    for (const name of pools)
      for (const { slot } of this.#pool(name)?.placed.backends ?? []) present.add(slot);
    for (const { backend } of left) if (!present.has(backend.slot)) this.#forget(backend.slot);
    for (const name of pools) {
      const pool = this.#pool(name);
      if (pool === undefined) continue;
      this.#makeChecks(pool);
      this.#changeChecks(pool);
      this.#watchNew(pool);
      this.#verdicts.refresh(pool);
    }
  }

  /** Which of a pool's backends may be picked has changed, for reasons other than their health. */
  refresh(pool: string): void {
    const its = this.#pool(pool);
    if (its !== undefined && !this.#stopped) this.#verdicts.refresh(its);
  }

  /** A backend that is not picked now is about to be, for reasons other than its health: it starts slowly. */
  returns(name: string, address: string): void {
    const pool = this.#pool(name);
    const backend = pool?.placed.backends.find((other) => other.address === address);
    if (pool === undefined || backend === undefined) return;
    const serving = pool.placed.backends.filter((other) => this.#verdicts.healthy(other));
    this.#slowStarts.begin(pool, backend, serving);
  }

  /** Resolves when every backend that is checked now has had its first result. */
  async firstResults(): Promise<void> {
    await Promise.all([...this.#watched.values()].map(({ checker }) => checker?.firstResult));
  }

  /** The health of a backend, by its slot; undefined for one that is not watched. */
  backend(slot: number): BackendHealth | undefined {
    const watched = this.#watched.get(slot);
    if (watched === undefined) return undefined;
    const { changes, checkFailures, checker, backend } = watched;
    return {
      changes,
      checkFailures: checker === undefined ? undefined : checkFailures,
      ejections: this.#outliers.total(backend),
      standing: this.#standing(watched),
    };
  }

  #standing({ backend, changed }: Watched): Standing | undefined {
    const down = this.#verdicts.has(backend, "down");
    if (!down && this.#verdicts.has(backend, "ejected")) return this.#outliers.standing(backend);
    const unchecked = down ? undefined : this.#unchecked.standing(backend);
    if (unchecked !== undefined) return unchecked;
    if (!down && this.#verdicts.has(backend, "unfit"))
      return { cause: "whoever found it says that it takes no sessions", age: 0, left: undefined };
    return changed && { cause: changed.cause, age: this.#timers.now() - changed.at, left: undefined };
  }

  /** Whether health is ignored in a pool, because too few of its backends are up. */
  failsOpen(pool: string): boolean {
    return (this.#pool(pool)?.panic ?? []).length > 0;
  }

  /** Backends keep the state that they have. */
  stop(): void {
    this.#stopped = true;
    this.#cancelSweep();
    this.#firstChecks.stop();
    for (const { checker } of this.#watched.values()) checker?.stop();
  }

  #forget(slot: number): void {
    const watched = this.#watched.get(slot);
    if (watched === undefined) return;
    watched.checker?.stop();
    this.#unchecked.end(slot);
    this.#outliers.forget(slot);
    this.#slowStarts.forget(slot);
    this.#watched.delete(slot);
  }

  /** One that is asked for as before goes on. */
  #makeChecks(pool: ManagedPool): void {
    const { check, checks = [] } = pool.config.health;
    const specs = [check, ...checks].filter((spec) => spec !== undefined);
    const before = [...pool.checks.values()];
    if (before.length === specs.length && specs.every((spec) => pool.checks.has(spec))) return;
    pool.checks = new Map(
      specs.map((spec) => [
        spec,
        before.find((made) => isDeepStrictEqual(made.spec, spec)) ?? { spec, check: this.#create(spec) },
      ]),
    );
  }

  /**
   * Backends are checked in another way from now on, or no longer; or at other further addresses, or with other certificates. All
   * that is known of them stays.
   */
  #changeChecks(pool: ManagedPool): void {
    for (const backend of pool.placed.backends) {
      const watched = this.#watched.get(backend.slot);
      if (watched === undefined) continue;
      const made = madeFor(pool, backend);
      const isThere = isDeepStrictEqual(watched.backend.others, backend.others);
      if (made === watched.made && isThere) continue;
      if (made !== undefined && isThere && sameButTls(watched.made?.spec, made.spec)) {
        watched.checker?.use(made.check);
        watched.made = made;
        continue;
      }
      watched.checker?.stop();
      if (made === undefined) {
        this.#unchecked.end(backend.slot);
        if (this.#verdicts.has(backend, "down")) this.#verdicts.mark(pool, backend, "down", false);
        watched.changed = undefined;
      }
      this.#watch(pool, backend, watched);
    }
  }

  #watchNew(pool: ManagedPool): void {
    const { backends } = pool.placed;
    const known = backends.filter(({ slot }) => this.#watched.has(slot));
    if (known.length === backends.length) return;
    const serving = known.filter((backend) => this.#verdicts.healthy(backend));
    for (const backend of backends) {
      if (this.#watched.has(backend.slot)) continue;
      this.#slowStarts.begin(pool, backend, serving);
      this.#outliers.watch(backend);
      if (madeFor(pool, backend) !== undefined && !this.#verdicts.has(backend, "down"))
        this.#unchecked.begin(pool, backend);
      this.#watch(pool, backend);
    }
  }

  /** @param counts that go on. */
  #watch(
    pool: ManagedPool,
    backend: PlacedBackend,
    { changes, checkFailures, changed }: Kept = { changes: 0, checkFailures: 0, changed: undefined },
  ): void {
    const known = this.#verdicts.has(backend, "down") ? "down" : "unknown";
    const made = madeFor(pool, backend);
    const checker =
      made &&
      new Checker(made.spec, made.check, backend, known, {
        timers: this.#timers,
        firstChecks: this.#firstChecks,
        random: this.#random,
        checked: (failure, changed) => this.#checked(watched, failure, changed),
      });
    const watched: Watched = { pool, backend, checker, made, changes, checkFailures, changed };
    this.#watched.set(backend.slot, watched);
    checker?.start();
  }

  #checked(watched: Watched, failure: Error | undefined, changed: boolean): void {
    const { pool, backend } = watched;
    if (failure !== undefined) {
      watched.checkFailures++;
      const fields = { pool: pool.name, backend: backend.address };
      this.#logger.debug({ ...fields, cause: failure.message }, "a health check failed");
    } else this.#outliers.passed(pool, backend);
    const wasDown = this.#verdicts.has(backend, "down");
    if (changed && wasDown !== (failure !== undefined)) this.#change(watched, failure);
    // After that, so that there is no moment in which one that is down might be picked.
    this.#unchecked.end(backend.slot);
  }

  #change(watched: Watched, failure: Error | undefined): void {
    const { pool, backend } = watched;
    const fields = { pool: pool.name, backend: backend.address };
    watched.changes++;
    watched.changed = { at: this.#timers.now(), cause: failure?.message ?? "it passes its checks again" };
    if (failure !== undefined) this.#logger.warn({ ...fields, cause: failure.message }, "backend is down");
    else this.#logger.info(fields, "backend is up");
    this.#verdicts.mark(pool, backend, "down", failure !== undefined);
  }

  #sweep(): void {
    this.#unchecked.sweep();
    this.#outliers.sweep(this.#watched);
    this.#slowStarts.sweep();
    this.#cancelSweep = this.#timers.after(sweepInterval, () => this.#sweep());
  }
}

function madeFor({ config, checks }: ManagedPool, backend: PlacedBackend): MadeCheck | undefined {
  const spec = checkOf(config, backend);
  return spec && checks.get(spec);
}

/** Whether two checks differ at most in what they have from files. */
function sameButTls(left: CheckSpec | undefined, right: CheckSpec | undefined): boolean {
  return isDeepStrictEqual({ ...left, tls: undefined }, { ...right, tls: undefined });
}
