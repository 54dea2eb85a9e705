import { type ClientKey, readClientKey } from "../../lib/client-key.ts";

/** Backends that a pool may have by its clients' wish. */
export const mostDestinations = 1_024;

/** The backends of a pool that clients asked for. */
export class Asked {
  /** By address: when it was asked for last, and the client for whom it came. */
  readonly #all = new Map<string, { at: number; readonly client: string }>();
  /** By client: how many there are. */
  readonly #counts = new Map<string, number>();

  get size(): number {
    return this.#all.size;
  }

  get addresses(): Iterable<string> {
    return this.#all.keys();
  }

  has(address: string): boolean {
    return this.#all.has(address);
  }

  /**
   * Nobody may have more of them than are left: of clients that take all that they can, each gets an equal part, and there is
   * always room for one more.
   */
  hasRoomFor(client: string): boolean {
    return (this.#counts.get(clientOf(client)) ?? 0) < mostDestinations - this.#all.size;
  }

  note(address: string, client: string, at: number): void {
    const known = this.#all.get(address);
    if (known !== undefined) known.at = at;
    else {
      const key = clientOf(client);
      this.#all.set(address, { at, client: key });
      this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    }
  }

  /** @returns whether it was there. */
  delete(address: string): boolean {
    const known = this.#all.get(address);
    if (known === undefined) return false;
    this.#all.delete(address);
    const left = this.#counts.get(known.client)! - 1;
    if (left === 0) this.#counts.delete(known.client);
    else this.#counts.set(known.client, left);
    return true;
  }

  /** @param isOver by when it was asked for last. */
  forget(isOver: (at: number) => boolean): void {
    for (const [address, { at }] of this.#all) if (isOver(at)) this.delete(address);
  }
}

const key: ClientKey = { high: 0, low: 0 };

/** The same for all addresses of one customer. */
const clientOf = (address: string): string => (readClientKey(address, key) ? `${key.high} ${key.low}` : "");
