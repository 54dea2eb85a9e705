import type { Fields } from "../../../http/message.ts";
import { NameSet } from "../../../http/name-set.ts";
import type { Guard } from "../../../model/http/guard.ts";

/**
 * Names of fields that only umay may give to backends, because they say who the client is. A field that a client sends under one
 * of them is not there: not for rules, keys and variables, and not for backends. Names that differ in marks alone are the
 * same: `Remote_User` and `Remote-User` are one variable to programs behind CGI and its like.
 */
export class ReservedNames {
  readonly #names: NameSet;

  /** @param names in lower case. */
  constructor(names: readonly string[]) {
    this.#names = new NameSet(names.map(plain));
  }

  /** @param lower in lower case. */
  has(lower: string): boolean {
    return this.#names.has(plain(lower));
  }

  mark(fields: Fields, marks: Uint8Array): void {
    this.#names.mark(fields, marks);
    for (let index = 0; index < fields.count; index++) {
      // The names that are known have no other marks.
      if (marks[index] !== 0 || fields.id(index) > 0) continue;
      const name = fields.name(index);
      if (otherMark.test(name) && this.has(name)) marks[index] = 1;
    }
  }
}

const otherMark = /[^a-z0-9-]/;

const plain = (name: string): string => name.replaceAll(/[^a-z0-9]/g, "-");

/** The names that guards may set; undefined: none. */
export function reservedBy(guards: readonly Guard[]): ReservedNames | undefined {
  const names = guards.flatMap((guard) => (guard.kind === "forward" ? guard.copy : []));
  return names.length === 0 ? undefined : new ReservedNames(names);
}
