import { latencyCells } from "../../src/channel/layout.ts";
import type { PickContext, Picker, PickerInputs } from "../../src/data/pick/picker.ts";
import { createPicker } from "../../src/data/pick/registry.ts";
import type { PlacedBackend } from "../../src/model/backend.ts";
import { type PickerSpec, type PickerType, pickerTypes } from "../../src/model/pool.ts";

/** Steele and Vigna's SplitMix, in 32 bits. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let bits = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
    return ((bits ^ (bits >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** One backend per weight; addresses and slots count from 0. */
export function placedBackends(weights: readonly number[]): PlacedBackend[] {
  return weights.map((weight, slot) => {
    const host = `10.0.${slot >> 8}.${slot & 255}`;
    const target = { kind: "tcp", host, port: 443 } as const;
    return Object.freeze({ address: `${host}:443`, target, weight, tier: 0, slot, counters: slot * 8 });
  });
}

export const equalWeights = (count: number): number[] => Array.from({ length: count }, () => 1);

/** Every type, and each kind of consistent hash. */
export const pickerVariants: readonly { readonly name: string; readonly spec: PickerSpec }[] = (
  Object.keys(pickerTypes) as PickerType[]
).flatMap((type): { name: string; spec: PickerSpec }[] => {
  if (type === "peak-ewma") return [{ name: type, spec: { type, decay: 10_000 } }];
  if (type !== "consistent-hash") return [{ name: type, spec: { type } }];
  return (["maglev", "ring"] as const).flatMap((algorithm) =>
    [undefined, 1.25].map((boundedLoad) => ({
      name: `consistent-hash ${algorithm}${boundedLoad === undefined ? "" : ` within ${boundedLoad}`}`,
      spec: { type, key: "source-ip", algorithm, boundedLoad } as const,
    })),
  );
});

/** A pool's state in small, as the session path presents it to a picker. */
export class TestPool implements PickContext {
  readonly key = { clientAddress: "192.0.2.1", serverName: "" };
  readonly backends: readonly PlacedBackend[];
  readonly active: Int32Array;
  /** By slot, 1: may not be picked. */
  readonly refused: Uint8Array;
  readonly flags: Int32Array;
  /** By slot, in percent. */
  readonly withheld: Int32Array;
  readonly latency: Int32Array;
  readonly clock = { now: 0 };
  readonly inputs: PickerInputs;

  constructor(backends: readonly PlacedBackend[], overrides: Partial<PickerInputs> = {}) {
    this.backends = backends;
    const slots = 1 + backends.reduce((last, { slot }) => Math.max(last, slot), 0);
    this.active = new Int32Array(slots);
    this.refused = new Uint8Array(slots);
    this.flags = new Int32Array(slots);
    this.withheld = new Int32Array(slots);
    this.latency = new Int32Array(slots * latencyCells);
    this.inputs = {
      backends,
      active: this.active,
      flags: this.flags,
      withheld: this.withheld,
      latency: this.latency,
      clock: this.clock,
      random: seededRandom(1),
      previous: undefined,
      worker: { index: 0, count: 1 },
      peers: () => [],
      ...overrides,
    };
  }

  mayPick(backend: PlacedBackend): boolean {
    return this.refused[backend.slot] === 0;
  }

  create(spec: PickerSpec, overrides: Partial<PickerInputs> = {}): Picker {
    return createPicker(spec, { ...this.inputs, ...overrides });
  }

  refuse(backends: readonly PlacedBackend[]): void {
    this.refused.fill(0);
    for (const { slot } of backends) this.refused[slot] = 1;
  }

  /** Picks for each client in turn and counts by slot; `hold` keeps every connection open. */
  count(picker: Picker, clients: readonly string[], hold = false): Int32Array {
    const counts = new Int32Array(this.active.length);
    for (const client of clients) {
      this.key.clientAddress = client;
      const { slot } = picker.pick(this)!;
      counts[slot]!++;
      if (hold) this.active[slot]!++;
    }
    return counts;
  }

  /** The slot that each client gets. */
  assign(picker: Picker, clients: readonly string[]): Int32Array {
    return Int32Array.from(clients, (client) => {
      this.key.clientAddress = client;
      return picker.pick(this)!.slot;
    });
  }
}

/** Different IPv4 addresses. */
export function clientAddresses(count: number): string[] {
  // The multiplier is odd, so this is a bijection of 32 bits.
  return Array.from({ length: count }, (_, index) => {
    const bits = Math.imul(index, 0x9e3779b1) >>> 0;
    return `${bits >>> 24}.${(bits >>> 16) & 255}.${(bits >>> 8) & 255}.${bits & 255}`;
  });
}
