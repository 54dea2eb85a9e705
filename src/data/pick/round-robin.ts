import type { PlacedBackend } from "../../model/backend.ts";
import { Draws } from "./draws.ts";
import { interleave, placesPerRound } from "./interleave.ts";
import type { PickContext, Picker, PickerInputs } from "./picker.ts";
import { holdsBack, scanEligible } from "./weighted-draw.ts";

/**
 * Each backend in turn, in proportion to its weight, evenly interleaved. Every worker goes round on its own, from a
 * start of its own. A refused backend's places are passed over, so the others keep their proportions; so is a part of
 * the places of a backend that starts slowly.
 */
export class RoundRobinPicker implements Picker {
  readonly #backends: readonly PlacedBackend[];
  readonly #withheld: Int32Array;
  readonly #round: Uint16Array;
  readonly #draws: Draws;
  #next: number;

  constructor(inputs: PickerInputs) {
    const { backends, previous, worker } = inputs;
    this.#backends = backends;
    this.#withheld = inputs.withheld;
    this.#round = interleave(placesPerRound(backends.map((backend) => backend.weight)));
    this.#draws = new Draws(inputs.random);
    const start = Math.floor((this.#round.length * worker.index) / worker.count);
    this.#next = previous instanceof RoundRobinPicker ? (this.#placeAfter(previous) ?? start) : start;
  }

  pick(context: PickContext): PlacedBackend | undefined {
    const round = this.#round;
    // A round can have 256 places per backend; to walk through all of them would take too long when most are refused.
    const mostSteps = Math.min(round.length, 2 * this.#backends.length);
    let place = this.#next;
    for (let step = 0; step < mostSteps; step++) {
      const backend = this.#backends[round[place]!]!;
      place = place + 1 === round.length ? 0 : place + 1;
      if (!holdsBack(this.#withheld[backend.slot]!, this.#draws) && context.mayPick(backend)) {
        this.#next = place;
        return backend;
      }
    }
    this.#next = place;
    const index = scanEligible(this.#backends, this.#withheld, context, -1, this.#draws);
    return index === -1 ? undefined : this.#backends[index];
  }

  /**
   * Where to go on so that the backend that would have come next in `previous`, or the first after it that is still
   * there, comes next: of its places, the first from the same part of the round on.
   */
  #placeAfter(previous: RoundRobinPicker): number | undefined {
    const indexes = new Map(this.#backends.map((backend, index) => [backend.address, index]));
    const length = this.#round.length;
    const previousLength = previous.#round.length;
    for (let step = 0; step < previousLength; step++) {
      const previousPlace = (previous.#next + step) % previousLength;
      const index = indexes.get(previous.#backends[previous.#round[previousPlace]!]!.address);
      if (index === undefined) continue;
      const from = Math.floor((previousPlace * length) / previousLength);
      const place = this.#round.indexOf(index, from);
      return place === -1 ? this.#round.indexOf(index) : place;
    }
    return undefined;
  }
}
