import { isDeepStrictEqual } from "node:util";
import { type CounterMemory, type GuardResult, guardCell, guardResults } from "../../channel/counters.ts";
import type { SharedMemory } from "../../channel/memory.ts";
import { type Jose, loadJose } from "../../lib/jose.ts";
import { type ForwardAuth, type GuardGroups, isShared, type JwtAuth } from "../../model/http/guard.ts";
import type { PassedRequests } from "../../model/http/passed.ts";
import type { Processor } from "../../model/http/processing.ts";
import type { PlacedGuard } from "../../model/snapshot.ts";
import type { LineLogger } from "../../observe/worker-logger.ts";
import { FaultJudge } from "./fault.ts";
import { JwtJudge } from "./jwt/jwt.ts";
import { FetchedKeys, FixedKeys, type KeyNews, type KeySource } from "./jwt/keys.ts";
import { LimitJudge } from "./limit/limit.ts";
import { Tally } from "./limit/tally.ts";
import { MtlsJudge } from "./mtls.ts";
import type { Steps } from "./passage.ts";
import { BasicJudge } from "./password/basic.ts";
import { PasswordComparer } from "./password/compare.ts";
import { RulesJudge } from "./rules.ts";
import type { GuardedRequest, Step, Verdict, Waiter, Waiting } from "./step.ts";

/** The work of a kind of guard. Code that serves requests may know more of them than {@link GuardedRequest}. */
interface Judge {
  judge(request: GuardedRequest, waiter: Waiter): Verdict | Waiting;
}

/** A guard as a worker serves it. It stays the same object while there is one of its name; what judges is replaced. */
export class ServedGuard implements Step {
  definition: PlacedGuard;
  #judge: Judge;
  readonly #surroundings: Surroundings;

  constructor(definition: PlacedGuard, surroundings: Surroundings) {
    this.definition = definition;
    this.#judge = judgeFor(definition, surroundings);
    this.#surroundings = surroundings;
  }

  get name(): string {
    return this.definition.name;
  }

  get once(): string | undefined {
    const { definition } = this;
    if (definition.kind === "rate-limit") return definition.counts;
    return "filter" in definition ? definition.filter : undefined;
  }

  /** Builds what a new definition needs; nothing changes until the returned function is called. */
  prepare(definition: PlacedGuard): () => void {
    // Its memory stays, where its table alone is another.
    const judge = isSame(definition, this.definition)
      ? this.#judge
      : judgeFor(definition, this.#surroundings);
    return () => {
      this.definition = definition;
      this.#judge = judge;
    };
  }

  judge(request: GuardedRequest, waiter: Waiter): Verdict | Waiting {
    return this.#judge.judge(request, waiter);
  }

  count(result: GuardResult): void {
    this.#surroundings.counting.counters[
      this.definition.counters + guardCell.results + guardResults.indexOf(result)
    ]! += 1;
  }
}

/** The memory of a limit is never compared: it is large, and stays while the limit stays what it is. */
function isSame(definition: PlacedGuard, before: PlacedGuard): boolean {
  const [one, other] = [definition, before].map((guard) => ({ ...guard, table: undefined }));
  return isDeepStrictEqual(one, other);
}

/** The things of a worker that guards share. */
interface Surroundings {
  readonly counting: Counting;
  readonly shared: Pick<SharedMemory, "guardHeld">;
  readonly logger: LineLogger;
  readonly comparer: PasswordComparer;
  /** 1 to count of workers. */
  readonly worker: number;
  /** Makes a judge that asks a server; that takes what serves requests. */
  readonly forward: (auth: ForwardAuth | Processor) => Judge;
  /** Limits that machines share have let something through. */
  readonly passed: (requests: PassedRequests) => void;
}

/** @throws where the definition is none that can be judged by. */
export function judgeFor(definition: PlacedGuard, surroundings: Surroundings): Judge {
  const { comparer, logger, forward, worker, passed } = surroundings;
  switch (definition.kind) {
    case "basic":
      return new BasicJudge(definition, comparer);
    case "fault":
      return new FaultJudge(definition, () => ({
        counters: surroundings.counting.counters,
        held: surroundings.shared.guardHeld,
      }));
    case "forward":
    case "process":
      return forward(definition);
    case "jwt": {
      const jose = loadJose();
      return new JwtJudge(definition, keysFor(definition, jose, logger), jose);
    }
    case "mtls":
      return new MtlsJudge(definition);
    case "rate-limit":
      return new LimitJudge(
        definition,
        worker,
        isShared(definition) ? new Tally(definition.name, passed) : undefined,
      );
    case "rules":
      return new RulesJudge(definition);
  }
}

function keysFor({ name, keys }: JwtAuth, jose: Promise<Jose>, logger: LineLogger): KeySource {
  if (keys.kind === "set") return new FixedKeys(keys.set, jose);
  const { url } = keys;
  const news: KeyNews = {
    fetched: (count) => logger.debug({ guard: name, url, keys: count }, "keys of tokens were fetched"),
    failed: ({ message }) =>
      logger.warn({ guard: name, url, cause: message }, "keys of tokens can't be fetched; old ones count on"),
  };
  return new FetchedKeys(keys, jose, news);
}

/** A worker's counters: another view when there came to be more. */
interface Counting {
  readonly counters: CounterMemory;
}

/** The guards of a worker, by name. */
export class ServedGuards {
  readonly #guards = new Map<string, ServedGuard>();
  /** Of routes that were asked. */
  readonly #steps = new WeakMap<GuardGroups, Steps>();
  readonly #surroundings: Surroundings;

  constructor(counting: Counting, tools: Omit<Surroundings, "counting" | "comparer">) {
    this.#surroundings = { counting, ...tools, comparer: new PasswordComparer() };
  }

  /** Builds what a definition needs, new or changed; nothing changes until the returned function is called. */
  prepare(definition: PlacedGuard): () => void {
    const guard = this.#guards.get(definition.name);
    if (guard !== undefined) return guard.prepare(definition);
    const added = new ServedGuard(definition, this.#surroundings);
    return () => this.#guards.set(definition.name, added);
  }

  /** Those of other names are gone. */
  keep(names: ReadonlySet<string>): void {
    for (const name of this.#guards.keys()) if (!names.has(name)) this.#guards.delete(name);
  }

  /** The guards of a route that is served. */
  stepsOf(groups: GuardGroups): Steps {
    let steps = this.#steps.get(groups);
    if (steps === undefined) {
      steps = groups.map((names) => names.map((name) => this.#guards.get(name)!));
      this.#steps.set(groups, steps);
    }
    return steps;
  }
}
