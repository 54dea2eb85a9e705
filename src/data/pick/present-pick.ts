import type { Obstacle, PlacedBackend, Skipped } from "../../model/backend.ts";
import type { Wait } from "../decide/wait.ts";
import type { PickContext, Picker, PickKey } from "./picker.ts";

/** How many of the backends that one pick passes over are noted. */
const mostSkipped = 8;

const noKey: PickKey = { clientAddress: "", serverName: "" };
const none: readonly PlacedBackend[] = [];

/** The pick that a pool is making now: the facts that it depends on, and its notes. Each pool reuses one for all its picks. */
export class PresentPick implements PickContext {
  key: PickKey = noKey;
  /** Backends that were passed over; undefined: none. */
  skipped: Skipped[] | undefined = undefined;
  /** After what a backend may be had that is not there yet, or was passed over; undefined: there is no such backend. */
  wait: Exclude<Wait, "retry"> | undefined = undefined;
  #tried: readonly PlacedBackend[] = none;
  readonly #obstacles: { obstacle(backend: PlacedBackend): Obstacle | undefined };

  constructor(obstacles: { obstacle(backend: PlacedBackend): Obstacle | undefined }) {
    this.#obstacles = obstacles;
  }

  /** @param warming whether there may be other backends in a moment. */
  begin(key: PickKey, tried: readonly PlacedBackend[], warming: boolean): void {
    this.key = key;
    this.#tried = tried;
    this.skipped = undefined;
    this.wait = warming ? "check" : undefined;
  }

  /** Forgets who asked. */
  end(): void {
    this.key = noKey;
    this.#tried = none;
  }

  /**
   * A backend that the key asks for, where it may have it: also one that is draining, until its clients have left. Else the
   * picker's choice, unless only such a one will do.
   */
  choose(picker: Picker): PlacedBackend | undefined {
    const { wish } = this.key;
    if (wish === undefined) return picker.pick(this);
    const wanted = wish.backends.find((backend) => this.#mayPrefer(backend));
    if (wanted !== undefined) return wanted;
    // With its note whether one of them may be waited for.
    return wish.only ? wish.backends.find((backend) => this.mayPick(backend)) : picker.pick(this);
  }

  #mayPrefer(backend: PlacedBackend): boolean {
    for (const other of this.#tried) if (other.slot === backend.slot) return false;
    const why = this.#obstacles.obstacle(backend);
    return why === undefined || why === "draining";
  }

  /** The one predicate in front of all pickers. */
  mayPick(backend: PlacedBackend): boolean {
    for (const other of this.#tried) if (other.slot === backend.slot) return false;
    const why = this.#obstacles.obstacle(backend);
    if (why === undefined) return true;
    if (why === "full") this.wait = "room";
    else if (why === "checking") this.wait ??= "check";
    this.#skip(backend, why);
    return false;
  }

  #skip({ address }: PlacedBackend, why: Obstacle): void {
    this.skipped ??= [];
    if (this.skipped.length === mostSkipped) return;
    for (const { backend } of this.skipped) if (backend === address) return;
    this.skipped.push({ backend: address, why });
  }
}
