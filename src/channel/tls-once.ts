import type { ListenerTls } from "../model/listener.ts";
import type { Difference, PlacedListener, PlacedPool } from "../model/snapshot.ts";

/** In place of TLS settings: those that this pool had in an earlier message. */
const asBefore = "as before";

/** In place of settings of a listener, which had them in an earlier message, stands their name. */
type SentListener = Omit<PlacedListener, "tls"> & { readonly tls: readonly (ListenerTls | string)[] };
type PoolTransports = Pick<PlacedPool, "tls" | "transports">;
type SentPool = Omit<PlacedPool, keyof PoolTransports> & {
  readonly [Part in keyof PoolTransports]: PoolTransports[Part] | typeof asBefore;
};

/** A difference as it is sent. TLS settings seldom change, and with their certificates they are large. */
export interface SentDifference extends Omit<Difference, "listeners" | "pools"> {
  readonly listeners: readonly SentListener[];
  readonly pools: readonly SentPool[];
}

/**
 * The TLS settings that went through the channel to a thread, by listener and pool. Both ends have one of these, and
 * they agree, because messages arrive once and in order, whatever becomes of them then.
 */
export class TlsOnce {
  readonly #listeners = new Map<string, PlacedListener["tls"]>();
  readonly #pools = new Map<string, PoolTransports>();

  /** The difference to send: settings that are the same object as those that were sent last are left out. */
  pack(difference: Difference): SentDifference {
    const listeners = difference.listeners.map((listener) => this.#packListener(listener));
    const pools = difference.pools.map((pool) => this.#packPool(pool));
    this.#forget(difference.gone);
    return { ...difference, listeners, pools };
  }

  /** The difference that was meant: settings that were left out are the object that came last. */
  unpack(sent: SentDifference): Difference {
    const listeners = sent.listeners.map((listener) => this.#unpackListener(listener));
    const pools = sent.pools.map((pool) => this.#unpackPool(pool));
    this.#forget(sent.gone);
    return { ...sent, listeners, pools };
  }

  #packListener(listener: PlacedListener): SentListener {
    const had = this.#listeners.get(listener.name) ?? [];
    this.#listeners.set(listener.name, listener.tls);
    return {
      ...listener,
      tls: listener.tls.map((settings) => (had.includes(settings) ? settings.name : settings)),
    };
  }

  #unpackListener(sent: SentListener): PlacedListener {
    const had = this.#listeners.get(sent.name) ?? [];
    const tls = sent.tls.map((settings) =>
      typeof settings === "string" ? had.find(({ name }) => name === settings)! : settings,
    );
    this.#listeners.set(sent.name, tls);
    return { ...sent, tls };
  }

  #packPool(pool: PlacedPool): SentPool {
    const { name, tls, transports } = pool;
    const had = this.#pools.get(name);
    this.#pools.set(name, pool);
    return {
      ...pool,
      ...(tls !== undefined && tls === had?.tls && { tls: asBefore }),
      ...(transports !== undefined && transports === had?.transports && { transports: asBefore }),
    };
  }

  #unpackPool(sent: SentPool): PlacedPool {
    const { name, tls, transports, ...rest } = sent;
    const had = this.#pools.get(name);
    const ways = transports === asBefore ? had?.transports : transports;
    const pool = {
      name,
      ...rest,
      tls: tls === asBefore ? had?.tls : tls,
      ...(ways !== undefined && { transports: ways }),
    };
    this.#pools.set(name, pool);
    return pool;
  }

  #forget(gone: Difference["gone"]): void {
    for (const name of gone.listeners) this.#listeners.delete(name);
    for (const name of gone.pools) this.#pools.delete(name);
  }
}
