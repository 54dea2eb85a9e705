import type { PlacedBackend } from "../../model/backend.ts";
import { AliasTable } from "./alias.ts";
import { Draws } from "./draws.ts";
import type { PickContext, PickerInputs } from "./picker.ts";
import { presentWeight, wholeWeight } from "./slow-start.ts";

/** With half of a pool refused, one draw in 256 comes to the scan. */
const mostDraws = 8;

/** Draws backends that may be picked, with a probability in proportion to their present weights among each other. */
export class WeightedDraw {
  readonly #backends: readonly PlacedBackend[];
  readonly #withheld: Int32Array;
  readonly #table: AliasTable;
  readonly #draws: Draws;

  constructor({ backends, withheld, random }: PickerInputs) {
    this.#backends = backends;
    this.#withheld = withheld;
    this.#table = new AliasTable(backends.map((backend) => backend.weight));
    this.#draws = new Draws(random);
  }

  /**
   * @param except an index that is not to be drawn, −1 for none.
   * @returns the index of a backend, −1 when there is none.
   */
  draw(context: PickContext, except: number): number {
    for (let count = 0; count < mostDraws; count++) {
      const index = this.#table.draw(this.#draws.bits());
      if (index === except) continue;
      const backend = this.#backends[index]!;
      if (!holdsBack(this.#withheld[backend.slot]!, this.#draws) && context.mayPick(backend)) return index;
    }
    return scanEligible(this.#backends, this.#withheld, context, except, this.#draws);
  }
}

/** Whether a backend is passed over this time, because it starts slowly. @param withheld in percent. */
export function holdsBack(withheld: number, draws: Draws): boolean {
  return withheld !== 0 && draws.below(wholeWeight) < withheld;
}

/**
 * The same draw by one pass over all backends: a weighted reservoir of one (Chao, "A general purpose unequal
 * probability sampling plan", Biometrika 69(3), 1982). Asks for each backend once, so it finds the only one that is
 * left and cannot be confused by one whose state changes meanwhile.
 */
export function scanEligible(
  backends: readonly PlacedBackend[],
  withheld: Int32Array,
  context: PickContext,
  except: number,
  draws: Draws,
): number {
  let chosen = -1;
  let total = 0;
  for (let index = 0; index < backends.length; index++) {
    const backend = backends[index]!;
    if (index === except || !context.mayPick(backend)) continue;
    const weight = presentWeight(backend, withheld);
    total += weight;
    if (draws.below(total) < weight) chosen = index;
  }
  return chosen;
}
