import { hashString, mix } from "../../lib/hash.ts";
import type { PlacedBackend } from "../../model/backend.ts";
import type { ConsistentHashSpec } from "../../model/pool.ts";
import { addressSeeds, type HashTable } from "./hash-table.ts";
import { hashedKey } from "./hashed-key.ts";
import { LoadBound } from "./load-bound.ts";
import { Maglev } from "./maglev.ts";
import type { PickContext, Picker, PickerInputs } from "./picker.ts";
import { Ring } from "./ring.ts";
import { wholeWeight } from "./slow-start.ts";

/** With half of a pool refused or full, one pick in 65,536 comes to the scan. */
const mostSteps = 16;
const keySeed = 0;

/**
 * The backend that the key hashes to. One that is refused, or full under a load bound, is passed over along a way
 * that depends on nothing but the key, so that its keys spread over the others and the others' keys stay. When all are
 * full, the first that may be picked gets it. One that starts slowly takes, for each percent of its weight, another
 * hundredth of its keys: each comes to it once, and stays.
 */
export class ConsistentHashPicker implements Picker {
  readonly #backends: readonly PlacedBackend[];
  readonly #spec: ConsistentHashSpec;
  readonly #table: HashTable;
  readonly #bound: LoadBound | undefined;
  readonly #withheld: Int32Array;
  readonly #seeds: Int32Array;

  constructor(inputs: PickerInputs, spec: ConsistentHashSpec) {
    const { backends } = inputs;
    this.#backends = backends;
    this.#withheld = inputs.withheld;
    this.#spec = spec;
    this.#table = spec.algorithm === "maglev" ? new Maglev(backends) : new Ring(backends);
    this.#bound = spec.boundedLoad === undefined ? undefined : new LoadBound(spec.boundedLoad, inputs);
    this.#seeds = Int32Array.from(backends, ({ address }) => hashString(address, addressSeeds[0]));
  }

  pick(context: PickContext): PlacedBackend | undefined {
    const hash = hashString(hashedKey(this.#spec.key, context.key), keySeed);
    const table = this.#table;
    this.#bound?.refresh(context);
    let full: PlacedBackend | undefined;
    let place = table.place(hash);
    for (let step = 1; step <= mostSteps; step++) {
      const index = table.owners[place]!;
      const backend = this.#backends[index]!;
      if (context.mayPick(backend)) {
        if (this.#takes(index, hash)) return backend;
        full ??= backend;
      }
      place = table.next(place, hash, step);
    }
    return this.#scan(context, hash, false) ?? full ?? this.#scan(context, hash, true);
  }

  /** Whether the backend has room, and has come far enough with its slow start to take this key. */
  #takes(index: number, hash: number): boolean {
    const withheld = this.#withheld[this.#backends[index]!.slot]!;
    if (withheld !== 0 && (mix(hash + this.#seeds[index]!) >>> 0) % wholeWeight < withheld) return false;
    return this.#bound === undefined || this.#bound.hasRoom(index);
  }

  /**
   * Weighted rendezvous over all that may be picked and take the key (Thaler and Ravishankar, "Using name-based mappings
   * to increase hit rates", IEEE/ACM ToN 6(1), 1998): again each key has its own order of backends.
   * @param anyone also those that do not take it.
   */
  #scan(context: PickContext, hash: number, anyone: boolean): PlacedBackend | undefined {
    let best: PlacedBackend | undefined;
    let bestScore = Number.POSITIVE_INFINITY;
    for (let index = 0; index < this.#backends.length; index++) {
      const backend = this.#backends[index]!;
      if (!context.mayPick(backend) || !(anyone || this.#takes(index, hash))) continue;
      // Exponentially distributed with the weight as its rate: the least of all is each one's in proportion to that.
      const uniform = ((mix(hash ^ this.#seeds[index]!) >>> 0) + 0.5) / 2 ** 32;
      const score = -Math.log(uniform) / backend.weight;
      if (score < bestScore) {
        best = backend;
        bestScore = score;
      }
    }
    return best;
  }
}
