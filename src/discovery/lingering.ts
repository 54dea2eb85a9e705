import type { Backend } from "../model/backend.ts";
import type { Round } from "./lookup.ts";

/**
 * Backends that were found a short time ago, and are missing from an answer with others. Servers such as Consul and Route 53
 * answer with a random part of a large set: without this, each answer would replace most backends.
 */
export class Lingering {
  readonly #time: number;
  /** By address: the backend as it was last found, and when that was. */
  readonly #seen = new Map<string, { readonly backend: Backend; readonly at: number }>();

  /** @param time how long one is kept after it was last found, in milliseconds. */
  constructor(time: number) {
    this.#time = time;
  }

  /** @returns the round with those that are kept, which is over when the first of them leaves. */
  after(round: Round<readonly Backend[]>, now: number): Round<readonly Backend[]> {
    if (this.#time === 0) return round;
    // A name that is gone as a whole is another question.
    if (round.kind === "absent") this.#seen.clear();
    if (round.kind !== "found") return round;
    for (const backend of round.found) this.#seen.set(backend.address, { backend, at: now });
    let { ttl } = round;
    for (const [address, { at }] of this.#seen) {
      const left = at + this.#time - now;
      if (left <= 0) this.#seen.delete(address);
      else if (at < now) ttl = Math.min(ttl, left);
    }
    const found = [...this.#seen.values()].map(({ backend }) => backend).sort(inOrder);
    return { ...round, found, ttl };
  }
}

/** An order that does not depend on when they were found. */
function inOrder(left: Backend, right: Backend): number {
  return left.tier - right.tier || (left.address < right.address ? -1 : 1);
}
