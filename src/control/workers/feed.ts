import type { ToWorker } from "../../channel/messages.ts";
import { TlsOnce } from "../../channel/tls-once.ts";
import type { LogSettings } from "../../model/model.ts";
import type { Difference } from "../../model/snapshot.ts";
import type { Store } from "../state/store.ts";
import { type Touched, Touches } from "../state/touched.ts";

/** The newest state, as the store has it. */
export type Newest = Pick<
  Store,
  "version" | "names" | "listener" | "pool" | "routeTable" | "challenges" | "giveBack"
>;

/** A change that the worker has not answered yet. */
interface Underway {
  readonly version: number;
  readonly touched: Touched;
  /** Why something is not served that was sent before it and that it relies on; undefined: all is. */
  lacking: string | undefined;
}

/**
 * The changes that one worker thread still has to be sent. It gets one change at a time. Names that are touched before
 * it has answered the last one wait and are merged, so that however fast changes come, a worker has at most one to apply
 * and one that waits. A change that it refused goes with the next one.
 */
export class Feed {
  readonly #newest: Newest;
  readonly #post: (message: ToWorker) => void;
  readonly #tls = new TlsOnce();
  #waiting = new Touches();
  /** Whether there is something new to send. */
  #due = true;
  readonly #underway: Underway[] = [];

  /** For a new thread, which has nothing yet. */
  constructor(newest: Newest, post: (message: ToWorker) => void) {
    this.#newest = newest;
    this.#post = post;
    this.#waiting.add(newest.names);
  }

  touch(touched: Touched): void {
    this.#waiting.add(touched);
    this.#due = true;
  }

  /** Sends what waits, unless the worker has not answered the last change. */
  next(log: LogSettings): void {
    if (this.#underway.length === 0) this.flush(log);
  }

  /** Sends what waits at once, because something that depends on it is about to be sent. */
  flush(log: LogSettings): void {
    if (!this.#due) return;
    const touched = this.#waiting;
    const difference = differenceOf(this.#newest, touched);
    this.#waiting = new Touches();
    this.#due = false;
    this.#underway.push({ version: difference.version, touched, lacking: undefined });
    this.#post({ type: "change", difference: this.#tls.pack(difference), log });
  }

  /**
   * The worker has answered the oldest change that it had not answered.
   * @param refusal why it does not serve that one; undefined: it does.
   * @returns why it does not serve the version of that change, which may be for one before it; undefined: it does.
   */
  answered(refusal: string | undefined): string | undefined {
    const change = this.#underway.shift();
    if (change === undefined) return refusal;
    if (refusal !== undefined) {
      this.#waiting.add(change.touched);
      for (const later of this.#underway) later.lacking ??= refusal;
    }
    return refusal ?? change.lacking;
  }
}

/** The present state of these names. */
export function differenceOf(newest: Newest, touched: Touched): Difference {
  const listeners = [...touched.listeners].map((name) => ({ name, now: newest.listener(name) }));
  const pools = [...touched.pools].map((name) => ({ name, now: newest.pool(name)?.placed }));
  const tables = [...touched.routeTables].map((name) => ({ name, now: newest.routeTable(name) }));
  return {
    version: newest.version,
    listeners: listeners.flatMap(({ now }) => now ?? []),
    pools: pools.flatMap(({ now }) => now ?? []),
    routeTables: tables.flatMap(({ now }) => now ?? []),
    ...(newest.challenges !== undefined && { challenges: newest.challenges }),
    gone: { listeners: goneOf(listeners), pools: goneOf(pools), routeTables: goneOf(tables) },
  };
}

const goneOf = (things: readonly { readonly name: string; readonly now: unknown }[]): readonly string[] =>
  things.filter(({ now }) => now === undefined).map(({ name }) => name);
