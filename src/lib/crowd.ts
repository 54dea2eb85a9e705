/** Somebody who comes and goes. */
export interface Member {
  /** Where it stands in its crowd, which alone changes it; {@link outside} to begin with. */
  place: number;
}

/** The place of who is in no crowd. */
export const outside = -1;

/**
 * All who are there at a time, in no order, each in one crowd at most. It does what a `Set` does, for members that come
 * and go by the thousand: of a `Set` or a `Map`, V8 makes a new table again and again, and an old table that has outlived
 * two collections of garbage keeps the next ones from being collected, with all that they had in them, until the next
 * full collection.
 */
export class Crowd<T extends Member> {
  readonly #members: T[] = [];

  get size(): number {
    return this.#members.length;
  }

  add(member: T): void {
    if (this.#members[member.place] !== member) member.place = this.#members.push(member) - 1;
  }

  /** @returns whether it was there. */
  delete(member: T): boolean {
    if (this.#members[member.place] !== member) return false;
    const last = this.#members.pop()!;
    if (last !== member) {
      this.#members[member.place] = last;
      last.place = member.place;
    }
    member.place = outside;
    return true;
  }

  /** Members may come and go meanwhile: who stays is met, who comes is not. */
  *[Symbol.iterator](): Generator<T> {
    // From the end: whoever takes the place of one that has gone has been met already.
    for (let place = this.#members.length - 1; place >= 0; place--) {
      const member = this.#members[place];
      if (member !== undefined) yield member;
    }
  }
}
