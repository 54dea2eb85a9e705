import { type AddressTable, openAddressTable, raiseFullAt } from "../../channel/address-table.ts";
import { sinceSystemStart } from "../../lib/monotonic.ts";
import { isShared, type SharedLimit } from "../../model/http/guard.ts";
import type { PassedRequests } from "../../model/http/passed.ts";
import type { Model } from "../../model/model.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import type { Logger } from "../../observe/logger.ts";
import type { HeardKey } from "../../sharing/counts.ts";
import type { SharedStores } from "../../sharing/stores.ts";

/**
 * Limits that machines share: stores are told what workers have let through, and the tables of the workers what has passed
 * elsewhere. The part of umay that speaks to stores is loaded at its first use.
 */
export class LimitSharing {
  readonly #logger: Logger;
  readonly #snapshot: () => Snapshot;
  #stores: SharedStores | undefined;
  #wanted: readonly SharedLimit[] = [];
  /** Of limits whose memory was looked at. */
  readonly #tables = new WeakMap<SharedArrayBuffer, AddressTable>();
  #stopped = false;

  constructor(logger: Logger, snapshot: () => Snapshot) {
    this.#logger = logger;
    this.#snapshot = snapshot;
  }

  /** How it stands with stores; undefined: there has been none. */
  get reading(): Pick<SharedStores, "states" | "unshared"> | undefined {
    return this.#stores;
  }

  /** These are the limits from now on. */
  async follow({ routeTables }: Pick<Model, "routeTables">): Promise<void> {
    const shared = routeTables.flatMap(({ guards }) => guards.filter(isShared));
    this.#wanted = [...new Map(shared.map((limit) => [limit.name, limit])).values()];
    if (this.#wanted.length === 0 && this.#stores === undefined) return;
    const { SharedStores } = await import("../../sharing/stores.ts");
    if (this.#stopped) return;
    this.#stores ??= new SharedStores(this.#logger, (limit, keys) => this.#raise(limit, keys));
    this.#stores.follow(this.#wanted);
  }

  passed(requests: PassedRequests): void {
    this.#stores?.passed(requests);
  }

  stop(): void {
    this.#stopped = true;
    this.#stores?.follow([]);
  }

  #raise(limit: string, keys: readonly HeardKey[]): void {
    const memory = this.#memoryOf(limit);
    if (memory === undefined) return;
    let table = this.#tables.get(memory);
    if (table === undefined) {
      table = openAddressTable(memory);
      this.#tables.set(memory, table);
    }
    const now = performance.now() + sinceSystemStart;
    for (const { high, low, ahead } of keys) raiseFullAt(table, high, low, now + ahead);
  }

  #memoryOf(limit: string): SharedArrayBuffer | undefined {
    for (const { guards } of this.#snapshot().routeTables)
      for (const guard of guards) if (guard.name === limit && guard.kind === "rate-limit") return guard.table;
    return undefined;
  }
}
