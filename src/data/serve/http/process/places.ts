import { Crowd, type Member, outside } from "../../../../lib/crowd.ts";

/** A call that may be over before its processor has ended it. */
export interface Leavable {
  readonly isOver: boolean;
  /** It is left, at once. */
  drop(): void;
}

/** The requests that a processor has at a time, and the calls of requests that are over, which it has yet to end. */
export class Places {
  taken = 0;
  readonly left = new Crowd<Place>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  /** A call without a request makes room for a request. @returns undefined: there is no place. */
  take(): Place | undefined {
    if (this.taken >= this.#most) this.#dropOne();
    if (this.taken >= this.#most) return undefined;
    this.taken++;
    return new Place(this);
  }

  #dropOne(): void {
    for (const place of this.left) {
      place.drop();
      return;
    }
  }
}

/** The place of one request, until it is over and its call too. */
export class Place implements Member {
  place = outside;
  readonly #places: Places;
  #call: Leavable | undefined = undefined;
  #isGivenBack = false;

  constructor(places: Places) {
    this.#places = places;
  }

  /** The request is over. @param call of it; undefined: there was none. */
  requestOver(call: Leavable | undefined): void {
    if (call === undefined || call.isOver) {
      this.#giveBack();
      return;
    }
    this.#call = call;
    this.#places.left.add(this);
  }

  callOver(): void {
    if (this.#call !== undefined) this.#giveBack();
  }

  drop(): void {
    this.#call?.drop();
  }

  #giveBack(): void {
    if (this.#isGivenBack) return;
    this.#isGivenBack = true;
    this.#places.left.delete(this);
    this.#places.taken--;
  }
}
