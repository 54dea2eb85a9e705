import { err, ok, type Result } from "../lib/result.ts";
import type { Backend } from "../model/backend.ts";
import type { DnsDiscovery } from "../model/pool.ts";
import { backendsAt, sameBackends } from "./backends.ts";
import { type DiscoveryDependencies, jitter } from "./dependencies.ts";
import { Lingering } from "./lingering.ts";
import { type AddressType, type Ask, askFor, createAddressLookup, type Round } from "./lookup.ts";
import type { DiscoveryError, DiscoverySource } from "./source.ts";
import { createSrvLookup } from "./srv.ts";

/** All in milliseconds. */
const firstRetry = 1_000;
/** The longest time between two tries while there is no backend: the pool should come up soon after its name. */
const longestWaitWithoutBackends = 5_000;
/** A TTL of 0 with a `refresh.min` of 0 would otherwise ask without a pause. */
const shortestWait = 10;

/** Makes backends of the records of one name, and asks again when their TTL has passed. */
export function createDnsSource(spec: DnsDiscovery, dependencies: DiscoveryDependencies): DiscoverySource {
  return { watch: (signal) => watch(spec, dependencies, signal) };
}

async function* watch(
  spec: DnsDiscovery,
  dependencies: DiscoveryDependencies,
  signal: AbortSignal,
): AsyncGenerator<Result<readonly Backend[], DiscoveryError>> {
  const { clock, random } = dependencies;
  const ask = createAsk(spec);
  const progress = new Progress(spec);
  const lingering = new Lingering(spec.linger);
  while (!signal.aborted) {
    const round = await askFor(spec, ask, dependencies, signal);
    if (signal.aborted) return;
    const { backends, error, wait } = progress.after(lingering.after(round, clock.now()), clock.now());
    if (backends !== undefined) yield ok(backends);
    if (error !== undefined && !signal.aborted) yield err(error);
    await clock.sleep(Math.max(shortestWait, jitter(wait, random)), signal);
  }
}

const addressTypes: { readonly [R in Exclude<DnsDiscovery["record"], "srv">]: readonly AddressType[] } = {
  a: ["A"],
  aaaa: ["AAAA"],
  "a+aaaa": ["A", "AAAA"],
};

function createAsk({ record, port = 0 }: DnsDiscovery): Ask<readonly Backend[]> {
  if (record === "srv") return createSrvLookup();
  const ask = createAddressLookup(addressTypes[record]);
  return async (...asked) => {
    const round = await ask(...asked);
    return round.kind === "found" ? { ...round, found: backendsAt(round.found, port) } : round;
  };
}

/** The effect of one round. */
interface Step {
  /** Undefined when the backends stay, without good news either. */
  readonly backends: readonly Backend[] | undefined;
  /** Undefined when there is no error, or the same one as before. */
  readonly error: DiscoveryError | undefined;
  /** Time until the next round, in milliseconds. */
  readonly wait: number;
}

/** The served backends, and the course of the present outage. */
class Progress {
  readonly #spec: DnsDiscovery;
  #served: readonly Backend[] = [];
  /** Number of rounds in a row without every answer. */
  #troubled = 0;
  /** The last reported error of this outage. */
  #told: DiscoveryError | undefined;
  /** Begin of the present run of answers that the name is absent. A failure ends the run, because it proves nothing. */
  #absentSince: number | undefined;

  constructor(spec: DnsDiscovery) {
    this.#spec = spec;
  }

  after(round: Round<readonly Backend[]>, now: number): Step {
    const backends = this.#backends(round, now);
    if (backends !== undefined) this.#served = backends;
    const message = this.#message(round);
    this.#troubled = message === undefined ? 0 : this.#troubled + 1;
    return { backends, error: this.#tell(message), wait: this.#wait(round, now) };
  }

  /** @returns the new set; undefined if it is the same and no error was reported since. */
  #backends(round: Round<readonly Backend[]>, now: number): readonly Backend[] | undefined {
    if (round.kind !== "absent") this.#absentSince = undefined;
    if (round.kind === "failed") return undefined;
    if (round.kind === "found") {
      const { found } = round;
      const recovered = this.#told !== undefined && round.problem === undefined;
      return sameBackends(found, this.#served) && !recovered ? undefined : found;
    }
    this.#absentSince ??= now;
    const held = now - this.#absentSince < this.#spec.hold;
    return held || this.#served.length === 0 ? undefined : [];
  }

  #message(round: Round<readonly Backend[]>): string | undefined {
    if (round.kind === "found") return round.problem;
    if (this.#served.length === 0) return `${round.cause}; no backend is known`;
    const kept =
      round.kind === "failed" ? "until an answer comes" : `for hold = ${this.#spec.hold / 1_000} s`;
    return `${round.cause}; the last backends are kept ${kept}`;
  }

  #tell(message: string | undefined): DiscoveryError | undefined {
    if (message === undefined) this.#told = undefined;
    if (message === undefined || message === this.#told?.message) return undefined;
    this.#told = { message, serving: this.#served.length > 0 ? "last-good" : "nothing" };
    return this.#told;
  }

  #wait(round: Round<readonly Backend[]>, now: number): number {
    const { refresh, hold } = this.#spec;
    const served = this.#served.length > 0;
    const most = served
      ? refresh.max
      : Math.min(refresh.max, Math.max(refresh.min, longestWaitWithoutBackends));
    const retry = Math.min(most, Math.min(firstRetry, refresh.min) * 2 ** (this.#troubled - 1));
    if (round.kind === "found") {
      const fresh = Math.min(refresh.max, Math.max(refresh.min, round.ttl));
      return this.#troubled > 0 ? Math.min(fresh, retry) : fresh;
    }
    if (round.kind === "failed" || !served) return retry;
    return Math.min(retry, this.#absentSince! + hold - now);
  }
}
