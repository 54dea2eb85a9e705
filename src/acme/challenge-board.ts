import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { Logger } from "pino";
import type { Challenge, ChallengeType } from "../model/acme.ts";
import type { Showing } from "./obtain.ts";
import type { Storage } from "./storage.ts";
import { createValidation } from "./x509.ts";

/** The kind of a challenge, and the time that other machines have to see it, in milliseconds. */
export interface ChallengeKind {
  readonly type: Exclude<ChallengeType, "dns-01">;
  readonly propagation: number;
  readonly signal: AbortSignal;
}

/**
 * The challenges that this machine shows: its own, and those of machines that share the storage, because an authority may
 * reach any of them.
 */
export class ChallengeBoard {
  readonly #storages: readonly Storage[];
  readonly #publishAll: (challenges: readonly Challenge[]) => Promise<void>;
  readonly #logger: Logger;
  readonly #timer: NodeJS.Timeout;
  #own: readonly Challenge[] = [];
  #others: readonly Challenge[] = [];
  #shown: readonly Challenge[] = [];
  #looking = false;
  #stopped = false;

  /** @param every time between two looks at the storages, in milliseconds. */
  constructor(
    storages: readonly Storage[],
    publish: (challenges: readonly Challenge[]) => Promise<void>,
    logger: Logger,
    every: number,
  ) {
    this.#storages = storages;
    this.#publishAll = publish;
    this.#logger = logger;
    this.#timer = setInterval(() => void this.#look(), every).unref();
  }

  /** Shows and hides challenges here, and has others do so by a storage. */
  in(storage: Storage, { type, propagation, signal }: ChallengeKind): Showing<Challenge> {
    return {
      answerTo: async (name, token, answer) =>
        type === "http-01"
          ? { type, name, token, answer }
          : { type, name, ...(await createValidation(name, answer)) },
      whenShown: () => sleep(propagation, undefined, { signal }),
      show: async (challenge) => {
        this.#own = [...this.#own, challenge];
        await storage.show(challenge);
        await this.#publish();
      },
      hide: async (challenge) => {
        await storage.hide(challenge);
        this.#own = this.#own.filter((each) => each !== challenge);
        await this.#publish();
      },
    };
  }

  /** Hides all, its own and those of other machines, and shows nothing any more. */
  stop(): void {
    clearInterval(this.#timer);
    this.#own = [];
    this.#others = [];
    this.#publish().catch((error: unknown) =>
      this.#logger.debug({ err: error }, "challenges that are not needed any more can't be hidden"),
    );
    this.#stopped = true;
  }

  /** Behind the end, workers show what a successor of this board wants. */
  async #publish(): Promise<void> {
    if (this.#stopped) return;
    const challenges = [...this.#own, ...this.#others];
    if (isDeepStrictEqual(challenges, this.#shown)) return;
    this.#shown = challenges;
    await this.#publishAll(challenges);
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const own = this.#own;
    try {
      const all = (await Promise.all(this.#storages.map((storage) => storage.challenges()))).flat();
      // The certificate that was read may be one of its own that is hidden by now.
      if (this.#stopped || own !== this.#own) return;
      this.#others = all.filter((each) => !own.some((mine) => isDeepStrictEqual(mine, each)));
      await this.#publish();
    } catch (error) {
      this.#logger.debug({ err: error }, "the challenges of other machines can't be shown");
    } finally {
      this.#looking = false;
    }
  }
}
