import type { PlacedBackend } from "../../model/backend.ts";
import { AliasTable } from "./alias.ts";
import { Draws } from "./draws.ts";
import type { PickContext } from "./picker.ts";

/** With half of a pool refused, one draw in 256 comes to the scan. */
const mostDraws = 8;

/** Draws backends that may be picked, with a probability in proportion to their weights among each other. */
export class WeightedDraw {
  readonly #backends: readonly PlacedBackend[];
  readonly #table: AliasTable;
  readonly #draws: Draws;

  constructor(backends: readonly PlacedBackend[], random: () => number) {
    this.#backends = backends;
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
      if (index !== except && context.mayPick(this.#backends[index]!)) return index;
    }
    return scanEligible(this.#backends, context, except, this.#draws);
  }
}

/**
 * The same draw by one pass over all backends: a weighted reservoir of one (Chao, "A general purpose unequal
 * probability sampling plan", Biometrika 69(3), 1982). Asks for each backend once, so it finds the only one that is
 * left and cannot be confused by one whose state changes meanwhile.
 */
export function scanEligible(
  backends: readonly PlacedBackend[],
  context: PickContext,
  except: number,
  draws: Draws,
): number {
  let chosen = -1;
  let total = 0;
  for (let index = 0; index < backends.length; index++) {
    const backend = backends[index]!;
    if (index === except || !context.mayPick(backend)) continue;
    total += backend.weight;
    if (draws.below(total) < backend.weight) chosen = index;
  }
  return chosen;
}
