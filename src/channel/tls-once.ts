import type { Difference, PlacedListener, PlacedPool } from "../model/snapshot.ts";

/** In place of TLS settings: those that this listener or pool had in an earlier message. */
const asBefore = "as before";

type Sent<T extends PlacedListener | PlacedPool> = Omit<T, "tls"> & {
  readonly tls: T["tls"] | typeof asBefore;
};

/** A difference as it is sent. TLS settings seldom change, and with their certificates they are large. */
export interface SentDifference extends Omit<Difference, "listeners" | "pools"> {
  readonly listeners: readonly Sent<PlacedListener>[];
  readonly pools: readonly Sent<PlacedPool>[];
}

/**
 * The TLS settings that went through the channel to a thread, by listener and pool. Both ends have one of these, and
 * they agree, because messages arrive once and in order, whatever becomes of them then.
 */
export class TlsOnce {
  readonly #listeners = new Map<string, PlacedListener["tls"]>();
  readonly #pools = new Map<string, PlacedPool["tls"]>();

  /** The difference to send: settings that are the same object as those that were sent last are left out. */
  pack(difference: Difference): SentDifference {
    const listeners = pack(difference.listeners, this.#listeners);
    const pools = pack(difference.pools, this.#pools);
    this.#forget(difference.gone);
    return { ...difference, listeners, pools };
  }

  /** The difference that was meant: settings that were left out are the object that came last. */
  unpack(sent: SentDifference): Difference {
    const listeners = unpack(sent.listeners, this.#listeners);
    const pools = unpack(sent.pools, this.#pools);
    this.#forget(sent.gone);
    return { ...sent, listeners, pools };
  }

  #forget(gone: Difference["gone"]): void {
    for (const name of gone.listeners) this.#listeners.delete(name);
    for (const name of gone.pools) this.#pools.delete(name);
  }
}

function pack<T extends PlacedListener | PlacedPool>(
  things: readonly T[],
  had: Map<string, T["tls"]>,
): readonly Sent<T>[] {
  return things.map((thing) => {
    if (thing.tls !== undefined && thing.tls === had.get(thing.name)) return { ...thing, tls: asBefore };
    had.set(thing.name, thing.tls);
    return thing;
  });
}

function unpack<T extends PlacedListener | PlacedPool>(
  things: readonly Sent<T>[],
  had: Map<string, T["tls"]>,
): readonly T[] {
  return things.map((sent) => {
    if (sent.tls !== asBefore) had.set(sent.name, sent.tls);
    return { ...sent, tls: had.get(sent.name) } as T;
  });
}
