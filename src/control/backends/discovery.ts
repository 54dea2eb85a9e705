import type { Logger } from "pino";
import { sameBackends, sameButOthers } from "../../discovery/backends.ts";
import type { DiscoveryError, DiscoverySource } from "../../discovery/source.ts";
import type { Result } from "../../lib/result.ts";
import type { Backend } from "../../model/backend.ts";
import type { Followed } from "../state/managed-pool.ts";

/** In milliseconds. */
const minute = 60_000;
/** Changes of a pool's backends in one minute that get a line each. */
const mostChangesTold = 10;

/** Follows the source of one pool's backends, from when it is made, and hands on what is found once it is asked to. */
export class Discovery implements Followed {
  everFound: boolean;
  errors: number;
  lastError: string | undefined = undefined;
  /** The set that was found last; undefined: none was. */
  found: readonly Backend[] | undefined = undefined;
  readonly #pool: string;
  readonly #logger: Logger;
  readonly #stop = new AbortController();
  readonly #first = Promise.withResolvers<void>();
  #onBackends: ((backends: readonly Backend[]) => void) | undefined;

  readonly #serves: () => boolean;
  /** Begin of the present minute of changes, by performance.now(), and their number in it. */
  #minute = Number.NEGATIVE_INFINITY;
  #changes = 0;
  /** Until then, changes of this minute get no line of their own; undefined: all of them had one. */
  #untold: NodeJS.Timeout | undefined;

  /**
   * @param before whose place it is to take: what that counted goes on.
   * @param serves whether the pool has backends now, also those of a discovery that this one replaces.
   */
  constructor(
    pool: string,
    source: DiscoverySource,
    before: Followed | undefined,
    logger: Logger,
    serves: () => boolean = () => false,
  ) {
    this.#pool = pool;
    this.#logger = logger;
    this.#serves = serves;
    this.everFound = before?.everFound ?? false;
    this.errors = before?.errors ?? 0;
    void this.#follow(source);
  }

  /** Settles when there is a first answer, good or bad. */
  get firstAnswer(): Promise<void> {
    return this.#first.promise;
  }

  /** From now on, each further set that differs from the last one is handed on. */
  handOn(onBackends: (backends: readonly Backend[]) => void): void {
    this.#onBackends = onBackends;
  }

  /** Nothing is followed any more; what was found stays known. */
  stop(): void {
    this.#stop.abort();
    this.#first.resolve();
  }

  async #follow(source: DiscoverySource): Promise<void> {
    const { signal } = this.#stop;
    try {
      for await (const result of source.watch(signal)) if (!signal.aborted) this.#take(result);
    } catch (error) {
      this.lastError = String(error);
      this.#logger.error({ pool: this.#pool, err: error }, "discovery stopped: this is a defect of umay");
    }
    this.#first.resolve();
  }

  #take(result: Result<readonly Backend[], DiscoveryError>): void {
    if (result.ok) this.#takeSet(result.value);
    else {
      const { message, serving } = this.#truth(result.error);
      this.errors++;
      this.lastError = message;
      this.#logger.warn({ pool: this.#pool, serving }, `discovery failed: ${message}`);
    }
    this.#first.resolve();
  }

  /** Each change as long as they are few; of many, the newest once a minute. */
  #tellChange(fields: { readonly pool: string; readonly backends: readonly string[] }): void {
    const now = performance.now();
    if (now - this.#minute > minute) {
      // The timer may be late.
      this.#tellMany();
      this.#minute = now;
      this.#changes = 0;
    }
    this.#changes++;
    if (this.#changes <= mostChangesTold) this.#logger.info(fields, "backends of a pool changed");
    else this.#logger.debug(fields, "backends of a pool changed");
    if (this.#changes === mostChangesTold + 1)
      this.#untold = setTimeout(() => this.#tellMany(), this.#minute + minute - now).unref();
  }

  /** Tells of the changes of a minute that got no line of their own, if there were any. */
  #tellMany(): void {
    if (this.#untold === undefined) return;
    clearTimeout(this.#untold);
    this.#untold = undefined;
    if (this.#stop.signal.aborted) return;
    const backends = this.found?.map(({ address }) => address);
    const fields = { pool: this.#pool, changes: this.#changes, backends };
    this.#logger.info(fields, "backends of a pool change often; these are the newest");
  }

  /** A source that has found nothing yet may follow another one, whose backends serve on. */
  #truth(error: DiscoveryError): DiscoveryError {
    if (error.serving !== "nothing" || this.found !== undefined || !this.#serves()) return error;
    const cause = error.message.replace(/; no backend is known$/, "");
    return { message: `${cause}; the backends from before are served on`, serving: "last-good" };
  }

  #takeSet(backends: readonly Backend[]): void {
    const before = this.found;
    const changed = before === undefined || !sameBackends(backends, before);
    this.everFound ||= backends.length > 0;
    this.found = backends;
    const fields = {
      pool: this.#pool,
      backends: backends.map(({ address }) => address),
      came: missingIn(before ?? [], backends),
      left: missingIn(backends, before ?? []),
    };
    if (!changed) this.#logger.info(fields, "discovery works again; backends are as before");
    else if (this.lastError === undefined && sameButOthers(backends, before))
      this.#logger.debug(fields, "further addresses of a pool's backends changed");
    else this.#tellChange(fields);
    this.lastError = undefined;
    if (changed) this.#onBackends?.(backends);
  }
}

/** Addresses of backends that another set does not have; undefined: there are none. */
function missingIn(set: readonly Backend[], backends: readonly Backend[]): readonly string[] | undefined {
  const there = new Set(set.map(({ address }) => address));
  const missing = backends.map(({ address }) => address).filter((address) => !there.has(address));
  return missing.length === 0 ? undefined : missing;
}
