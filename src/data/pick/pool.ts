import { isDeepStrictEqual } from "node:util";
import type { CounterMemory } from "../../channel/counters.ts";
import { backendCell } from "../../channel/counters.ts";
import { mayBePicked, type SharedMemory } from "../../channel/memory.ts";
import type { PlacedBackend } from "../../model/backend.ts";
import type { PlacedPool } from "../../model/snapshot.ts";
import { sharedClock } from "../clock.ts";
import { BackendTls } from "../connect/tls.ts";
import { Latencies } from "./latency.ts";
import type { PickContext, Picker, PickerInputs } from "./picker.ts";
import { createTieredPicker } from "./tiers.ts";

/** The memory that a worker counts in, and which worker it is. */
export interface WorkerMemory {
  readonly shared: SharedMemory;
  readonly counters: CounterMemory;
  readonly worker: PickerInputs["worker"];
}

/** A pool as a worker serves it: it stays the same object over snapshots, its picker and its TLS are replaced. */
export class ServedPool implements PickContext {
  definition: PlacedPool;
  /** Undefined: plain TCP. */
  tls: BackendTls | undefined;
  /** What its backends' answers take; undefined: its picker does not ask. */
  latencies: Latencies | undefined;
  clientAddress = "";
  serverName = "";
  #tried: readonly PlacedBackend[] = [];
  #picker: Picker;
  readonly #memory: WorkerMemory;

  /** @throws where OpenSSL refuses the pool's TLS settings. */
  constructor(definition: PlacedPool, memory: WorkerMemory) {
    this.definition = definition;
    this.tls = definition.tls && new BackendTls(definition.tls);
    this.#memory = memory;
    this.latencies = this.#measure(definition);
    this.#picker = this.#build(definition, undefined);
  }

  /**
   * Builds what a new definition needs; nothing changes until the returned function is called.
   * @throws where OpenSSL refuses the pool's TLS settings.
   */
  prepare(definition: PlacedPool): () => void {
    const sameKind = definition.picker.type === this.definition.picker.type;
    const picker = this.#build(definition, sameKind ? this.#picker : undefined);
    const tls = isDeepStrictEqual(definition.tls, this.definition.tls)
      ? this.tls
      : definition.tls && new BackendTls(definition.tls);
    return () => {
      this.definition = definition;
      this.tls = tls;
      this.latencies = this.#measure(definition);
      this.#picker = picker;
    };
  }

  /**
   * The backend to try next, leased: {@link release} must follow.
   * @param tried backends that this session has tried already.
   */
  lease(
    clientAddress: string,
    serverName: string,
    tried: readonly PlacedBackend[],
  ): PlacedBackend | undefined {
    this.clientAddress = clientAddress;
    this.serverName = serverName;
    this.#tried = tried;
    const backend = this.#picker.pick(this);
    if (backend === undefined) return undefined;
    Atomics.add(this.#memory.shared.backendActive, backend.slot, 1);
    this.#memory.counters[backend.counters + backendCell.leased]! += 1;
    return backend;
  }

  release(backend: PlacedBackend): void {
    this.#memory.counters[backend.counters + backendCell.released]! += 1;
    // Last: without a connection, the control plane may give the backend's counters to another.
    Atomics.sub(this.#memory.shared.backendActive, backend.slot, 1);
  }

  /** The one predicate in front of all pickers. */
  mayPick(backend: PlacedBackend): boolean {
    const flags = this.#memory.shared.backendFlags[backend.slot]!;
    if (flags !== 0 && !mayBePicked(flags)) return false;
    for (const other of this.#tried) if (other.slot === backend.slot) return false;
    return true;
  }

  #measure({ picker }: PlacedPool): Latencies | undefined {
    if (picker.type !== "peak-ewma") return undefined;
    return new Latencies(this.#memory.shared.backendLatency, sharedClock, picker.decay);
  }

  #build(definition: PlacedPool, previous: Picker | undefined): Picker {
    const { shared } = this.#memory;
    return createTieredPicker(definition.picker, {
      backends: definition.backends,
      active: shared.backendActive,
      withheld: shared.backendWithheld,
      latency: shared.backendLatency,
      clock: sharedClock,
      random: Math.random,
      previous,
      worker: this.#memory.worker,
    });
  }
}
