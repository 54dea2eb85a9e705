import { ConnectionError, errorCode } from "./protocol.ts";

/** How often something may happen: so often at once, and so often a second on average. */
export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

/** Limits on the cost of a peer. Beyond one of them the connection ends with ENHANCE_YOUR_CALM. */
export interface BudgetLimits {
  /**
   * Streams that the peer reset before they were answered, and stream errors that it made this side send. The last one that
   * it may cause is the end: the request behind it would be one more that reaches a backend for nothing.
   */
  readonly resets: Rate;
  /**
   * SETTINGS and PING: each makes an answer. DATA either way makes PING good: peers measure with it how fast they
   * are.
   */
  readonly settings: Rate;
  readonly pings: Rate;
  /**
   * PRIORITY, WINDOW_UPDATE, unknown frames and those that a peer sends before it knows of a reset: each beyond it is a
   * glitch. DATA that is sent makes some of them good: peers credit it in pieces of 4 KiB and more.
   */
  readonly free: Rate;
  /** Frames that no good peer sends often. The count is halved every 30 s. */
  readonly glitches: number;
}

const halvedEvery = 30_000;
/** A WINDOW_UPDATE for a stream and one for the connection for each 4 KiB, and as many again, in bytes. */
const creditedAtLeast = 1024;

class Bucket {
  readonly #rate: Rate;
  readonly #what: string;
  #left: number;
  #since: number;

  constructor(rate: Rate, what: string, now: number) {
    this.#rate = rate;
    this.#what = what;
    this.#left = rate.burst;
    this.#since = now;
  }

  give(count: number): void {
    this.#left = Math.min(this.#rate.burst, this.#left + count);
  }

  /** @returns whether there is one left. */
  has(now: number): boolean {
    const { burst, perSecond } = this.#rate;
    if (this.#left < 1) {
      this.#left = Math.min(burst, this.#left + ((now - this.#since) * perSecond) / 1000);
      this.#since = now;
    }
    return this.#left >= 1;
  }

  /** @returns whether there was one left. */
  take(now: number): boolean {
    if (!this.has(now)) return false;
    if (this.#left === this.#rate.burst) this.#since = now;
    this.#left--;
    return true;
  }

  /** @throws ConnectionError where there was none left. */
  spend(now: number): void {
    if (!this.take(now)) this.fail();
  }

  fail(): never {
    throw calm(this.#what);
  }
}

const calm = (what: string): ConnectionError => new ConnectionError(errorCode.calm, `too many ${what}`);

/** Counts what one peer costs. Time is in milliseconds, from any clock that never goes back. */
export class Budget {
  readonly #resets: Bucket;
  readonly #settings: Bucket;
  readonly #pings: Bucket;
  readonly #free: Bucket;
  readonly #mostGlitches: number;
  #glitches = 0;
  /** All that there were. */
  seen = 0;
  #halved: number;
  /** When the present read began. */
  now: number;

  constructor(limits: BudgetLimits, now: number) {
    this.#resets = new Bucket(limits.resets, "streams that were reset", now);
    this.#settings = new Bucket(limits.settings, "SETTINGS", now);
    this.#pings = new Bucket(limits.pings, "PING", now);
    this.#free = new Bucket(limits.free, "frames without an effect", now);
    this.#mostGlitches = limits.glitches;
    this.#halved = now;
    this.now = now;
  }

  get glitches(): number {
    return this.#glitches;
  }

  reset(): void {
    this.#resets.spend(this.now);
    if (!this.#resets.has(this.now)) this.#resets.fail();
  }

  settings(): void {
    this.#settings.spend(this.now);
  }

  ping(): void {
    this.#pings.spend(this.now);
  }

  free(): void {
    if (!this.#free.take(this.now)) this.glitch(1);
  }

  dataReceived(): void {
    this.#pings.give(1);
  }

  dataSent(bytes: number): void {
    this.#pings.give(1);
    this.#free.give(2 + bytes / creditedAtLeast);
  }

  glitch(weight: number): void {
    const halvings = Math.floor((this.now - this.#halved) / halvedEvery);
    if (halvings > 0) {
      this.#glitches = Math.floor(this.#glitches / 2 ** Math.min(halvings, 31));
      this.#halved += halvings * halvedEvery;
    }
    this.#glitches += weight;
    this.seen += weight;
    if (this.#glitches > this.#mostGlitches) throw calm("useless frames");
  }
}
