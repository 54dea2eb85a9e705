import type { Origin, Reference } from "./origins.ts";
import type { Kind } from "./resources.ts";

/** A change of the names of a kind that are asked for in one place. */
export interface Asked {
  readonly origin: Origin;
  readonly kind: Kind;
  readonly more: readonly string[];
  readonly less: readonly string[];
}

/** The names that resources name, and how many of them do. */
export class Wants {
  /** By place, kind and name. */
  readonly #counts = new Map<string, { readonly reference: Reference; count: number }>();

  /** Some references came, others went. @returns what is asked for from now on, and what is not any more. */
  replace(before: Iterable<Reference>, now: Iterable<Reference>): readonly Asked[] {
    const touched = new Map<string, boolean>();
    const add = (reference: Reference, by: number): void => {
      const key = keyOf(reference);
      const entry = this.#counts.get(key) ?? { reference, count: 0 };
      if (!touched.has(key)) touched.set(key, entry.count > 0);
      entry.count += by;
      this.#counts.set(key, entry);
    };
    for (const reference of now) add(reference, 1);
    for (const reference of before) add(reference, -1);
    return this.#asked(touched);
  }

  #asked(touched: ReadonlyMap<string, boolean>): readonly Asked[] {
    const asked = new Map<string, Asked & { more: string[]; less: string[] }>();
    for (const [key, was] of touched) {
      const { reference, count } = this.#counts.get(key)!;
      if (count <= 0) this.#counts.delete(key);
      if (count > 0 === was) continue;
      const { kind, name, origin } = reference;
      const place = `${kind} ${origin.key}`;
      const one = asked.get(place) ?? { origin, kind, more: [], less: [] };
      asked.set(place, one);
      (was ? one.less : one.more).push(name);
    }
    return [...asked.values()];
  }
}

const keyOf = ({ kind, name, origin }: Reference): string => `${kind} ${origin.key} ${name}`;
