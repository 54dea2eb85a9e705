import type { JsonWebKey } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { fetchBounded } from "../../../lib/fetch-bounded.ts";
import type { Jose } from "../../../lib/jose.ts";
import { type KeySet, readKeySet } from "../../../lib/key-set.ts";

/** Finds the key that a token names. */
export type FindKey = ReturnType<Jose["createLocalJWKSet"]>;

/** Where keys come from. */
export interface KeySource {
  /** The present ones; undefined: there are none yet. A token that was good by others may not be any more. */
  readonly present: FindKey | undefined;
  /** Has keys that are old fetched anew, while they count on. */
  refresh(): void;
  /** The present ones; where there are none yet, it waits for them. @throws Error that says why there are none. */
  find(): Promise<FindKey>;
  /** A token names a key that is not there. @returns whether there are other keys now. Never rejects. */
  renew(): Promise<boolean>;
}

/** Keys of the configuration, or of a file, whose changes make another source. */
export class FixedKeys implements KeySource {
  present: FindKey | undefined = undefined;
  readonly #find: Promise<FindKey>;

  constructor(set: KeySet, jose: Promise<Jose>) {
    this.#find = jose.then(({ createLocalJWKSet }) => {
      this.present = createLocalJWKSet(copyOf(set));
      return this.present;
    });
    this.#find.catch(() => {});
  }

  refresh(): void {}

  find(): Promise<FindKey> {
    return this.#find;
  }

  async renew(): Promise<boolean> {
    return false;
  }
}

/** Between two fetches for keys that tokens name and that are not there, and after a failed one, in milliseconds. */
const rest = 10_000;

const bounds = { timeout: 5_000, most: 262_144 } as const;

/** Told of fetches, good and bad. */
export interface KeyNews {
  readonly fetched: (keys: number) => void;
  readonly failed: (error: Error) => void;
}

/**
 * Keys from a URL. They are fetched when somebody needs them and they are older than `refresh`; meanwhile the old ones
 * count, and they count on while fetching fails.
 */
export class FetchedKeys implements KeySource {
  present: FindKey | undefined = undefined;
  readonly #url: string;
  /** In milliseconds. */
  readonly #refresh: number;
  readonly #jose: Promise<Jose>;
  readonly #news: KeyNews;
  #set: KeySet | undefined = undefined;
  /** When they were fetched last, and when that was tried last; by performance.now(). */
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #triedAt = Number.NEGATIVE_INFINITY;
  #fetching: Promise<void> | undefined = undefined;
  #error: Error | undefined = undefined;

  constructor(
    { url, refresh }: { readonly url: string; readonly refresh: number },
    jose: Promise<Jose>,
    news: KeyNews,
  ) {
    this.#url = url;
    this.#refresh = refresh;
    this.#jose = jose;
    this.#news = news;
    void this.#fetch();
  }

  refresh(): void {
    const now = performance.now();
    if (now - this.#fetchedAt > this.#refresh && now - this.#triedAt > Math.min(rest, this.#refresh))
      void this.#fetch();
  }

  async find(): Promise<FindKey> {
    this.refresh();
    if (this.present === undefined) await this.#fetching;
    if (this.present === undefined) throw this.#error ?? new Error("there are no keys");
    return this.present;
  }

  async renew(): Promise<boolean> {
    const before = this.present;
    if (this.#fetching === undefined && performance.now() - this.#triedAt < rest) return false;
    await this.#fetch();
    return this.present !== before;
  }

  /** One at a time. */
  #fetch(): Promise<void> {
    this.#fetching ??= this.#fetchKeys().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #fetchKeys(): Promise<void> {
    this.#triedAt = performance.now();
    try {
      const set = readKeySet((await fetchBounded(this.#url, bounds)).toString("utf8"));
      if (typeof set === "string") throw new Error(set);
      const { createLocalJWKSet } = await this.#jose;
      if (!isDeepStrictEqual(set, this.#set)) {
        this.#set = set;
        this.present = createLocalJWKSet(copyOf(set));
      }
      this.#fetchedAt = performance.now();
      this.#news.fetched(set.keys.length);
    } catch (error) {
      this.#error = error as Error;
      this.#news.failed(this.#error);
    }
  }
}

/** As jose takes it. */
const copyOf = ({ keys }: KeySet): { keys: (JsonWebKey & { kty: string })[] } => ({
  keys: keys.map((key) => ({ ...key, kty: key.kty ?? "" })),
});
