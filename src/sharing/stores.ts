import { isDeepStrictEqual } from "node:util";
import type { Logger } from "pino";
import type { SharedLimit, SharedStore } from "../model/http/guard.ts";
import type { PassedRequests } from "../model/http/passed.ts";
import { type CountsEvents, SharedCounts } from "./counts.ts";
import { nameOfStore, StoreLink } from "./link.ts";

interface ServedStore {
  readonly settings: SharedStore;
  readonly link: StoreLink;
  readonly counts: SharedCounts;
}

/** The stores that limits name: one connection to each. */
export class SharedStores {
  readonly #logger: Logger;
  readonly #events: CountsEvents;
  #limits: ReadonlyMap<string, { readonly limit: SharedLimit; readonly counts: SharedCounts }> = new Map();
  #stores: readonly ServedStore[] = [];
  /** By limit: requests that passed and that its store was not told of. */
  readonly unshared = new Map<string, number>();

  /** @param heard as {@link CountsEvents.heard}. */
  constructor(logger: Logger, heard: CountsEvents["heard"]) {
    this.#logger = logger;
    this.#events = { heard, lost: (limit, requests) => this.#lost(limit, requests) };
  }

  /** By address, whether it takes counts. */
  get states(): ReadonlyMap<string, boolean> {
    return new Map(this.#stores.map(({ settings, link }) => [nameOfStore(settings), link.isUp]));
  }

  /** These are the limits from now on. A store that they name in the same words keeps its connection. */
  follow(limits: readonly SharedLimit[]): void {
    const before = this.#stores;
    const stores: ServedStore[] = [];
    const storeOf = (settings: SharedStore): ServedStore => {
      const isSame = (each: ServedStore): boolean => isDeepStrictEqual(each.settings, settings);
      const store = stores.find(isSame) ?? before.find(isSame) ?? this.#connect(settings);
      if (!stores.includes(store)) stores.push(store);
      return store;
    };
    this.#limits = new Map(
      limits.map((limit) => [limit.name, { limit, counts: storeOf(limit.store).counts }]),
    );
    this.#stores = stores;
    for (const store of before) if (!stores.includes(store)) store.link.close();
    for (const name of this.unshared.keys()) if (!this.#limits.has(name)) this.unshared.delete(name);
    for (const { name } of limits) this.#lost(name, 0);
  }

  /** A worker has let these through. */
  passed(requests: PassedRequests): void {
    const shared = this.#limits.get(requests.limit);
    shared?.counts.add(shared.limit, requests);
  }

  #connect(settings: SharedStore): ServedStore {
    const link = new StoreLink(settings, this.#logger);
    return { settings, link, counts: new SharedCounts(link, settings.prefix, this.#events) };
  }

  #lost(limit: string, requests: number): void {
    this.unshared.set(limit, (this.unshared.get(limit) ?? 0) + requests);
  }
}
