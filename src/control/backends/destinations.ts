import type { WantedBackend } from "../../channel/messages.ts";
import { parseAddress, type SocketAddress } from "../../lib/address.ts";
import { isHere, ownAddresses } from "../../lib/own-addresses.ts";
import type { Backend } from "../../model/backend.ts";
import { listenersAt } from "../../model/check/loops.ts";
import type { Model } from "../../model/model.ts";
import type { Logger } from "../../observe/logger.ts";
import type { ManagedPool } from "../state/managed-pool.ts";
import { systemTimers, type Timers } from "../timers.ts";
import { Asked, mostDestinations } from "./asked.ts";
import type { PoolBackends } from "./pool-backends.ts";

/** How often it is looked for backends that nobody asks for, and for this machine's addresses, in milliseconds. */
const sweepInterval = 1_000;

/** The part of the control plane that serves the backends of pools. */
export interface DestinationPlane {
  readonly model: Pick<Model, "admin">;
  readonly store: {
    pool(name: string): ManagedPool | undefined;
    readonly present: readonly { readonly addresses: readonly SocketAddress[] }[];
  };
  readonly backends: Pick<PoolBackends, "place">;
  spread(): void;
}

/** The backends of pools whose clients say where they go: each comes when it is asked for, and leaves when it is not any more. */
export class Destinations {
  readonly #plane: DestinationPlane;
  readonly #logger: Logger;
  readonly #timers: Timers;
  readonly #asked = new Map<string, Asked>();
  /** Pools whose clients were told of as too many. */
  readonly #full = new Set<string>();
  /** By pool: the backends that it got here. A reload may have replaced them. */
  readonly #placed = new Map<string, ManagedPool["placed"]["backends"]>();
  /** Pools that get other backends in a moment: many clients may ask at once. */
  readonly #unserved = new Set<string>();
  #own = { at: Number.NEGATIVE_INFINITY, addresses: new Set<string>() as ReadonlySet<string> };
  #sweeping = false;

  constructor(plane: DestinationPlane, logger: Logger, timers: Timers = systemTimers) {
    this.#plane = plane;
    this.#logger = logger;
    this.#timers = timers;
  }

  wanted({ pool, address, client }: WantedBackend): void {
    const managed = this.#plane.store.pool(pool);
    if (managed?.config.destination === undefined) return;
    const asked = this.#asked.get(pool) ?? new Asked();
    const isKnown = asked.has(address);
    if (!isKnown && !asked.hasRoomFor(client)) {
      this.#tellFull(pool, client);
      return;
    }
    // A listener may have come there since it was asked for first.
    if (this.#isOwn(address)) {
      if (asked.delete(address)) this.#serveSoon(pool);
      return;
    }
    this.#asked.set(pool, asked);
    asked.note(address, client, this.#timers.now());
    if (!isKnown || this.#placed.get(pool) !== managed.placed.backends) this.#serveSoon(pool);
    this.#sweepLater();
  }

  /** Whether it is umay itself: a request would come back again and again, and nobody's client may get to its admin server. */
  #isOwn(address: string): boolean {
    const target = parseAddress(address);
    if (typeof target === "string") return false;
    const now = this.#timers.now();
    if (now - this.#own.at >= sweepInterval) this.#own = { at: now, addresses: ownAddresses() };
    const { model, store } = this.#plane;
    const [admin, own] = [model.admin?.bind, this.#own.addresses];
    if (admin?.kind === "tcp" && target.kind === "tcp" && admin.port === target.port)
      if (isHere(target.host, own))
        // Its host may be a name.
        return true;
    return listenersAt(target, { listeners: store.present, own }).length > 0;
  }

  #serveSoon(pool: string): void {
    if (this.#unserved.size === 0) this.#timers.after(0, () => this.#serve());
    this.#unserved.add(pool);
  }

  #serve(): void {
    const { store } = this.#plane;
    for (const pool of this.#unserved) {
      if (store.pool(pool)?.config.destination === undefined) continue;
      this.#plane.backends.place(pool, [...(this.#asked.get(pool)?.addresses ?? [])].flatMap(backendAt));
      if (this.#asked.has(pool)) this.#placed.set(pool, store.pool(pool)!.placed.backends);
    }
    this.#unserved.clear();
    this.#plane.spread();
  }

  #tellFull(pool: string, client: string): void {
    if (this.#full.has(pool)) return;
    this.#full.add(pool);
    const message = "a client asks for more backends than are left for others; further ones are refused";
    this.#logger.warn({ pool, most: mostDestinations, client }, message);
  }

  #sweepLater(): void {
    if (this.#sweeping) return;
    this.#sweeping = true;
    this.#timers.after(sweepInterval, () => {
      this.#sweeping = false;
      this.#sweep();
    });
  }

  #sweep(): void {
    const now = this.#timers.now();
    for (const [pool, asked] of this.#asked) {
      const rule = this.#plane.store.pool(pool)?.config.destination;
      const before = asked.size;
      asked.forget((at) => rule === undefined || now - at > rule.idle);
      if (asked.size < before) this.#full.delete(pool);
      if (asked.size < before) this.#serveSoon(pool);
      if (asked.size > 0) continue;
      this.#asked.delete(pool);
      this.#placed.delete(pool);
    }
    if (this.#asked.size > 0) this.#sweepLater();
  }
}

/** Workers send addresses as backends are named. */
function backendAt(address: string): readonly Backend[] {
  const target = parseAddress(address);
  return typeof target === "string" ? [] : [{ address, target, weight: 1, tier: 0 }];
}
