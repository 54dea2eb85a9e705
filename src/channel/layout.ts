import { backendCell, type CounterMemory, guardCell, listenerCell, poolCell, routeCell } from "./counters.ts";

/*
 * The kinds of things that have places in shared memory. A new kind is one entry here, and so is a new number of a kind:
 * slots, counters, shared memory and the closing of a dead worker's books follow.
 *
 * Each thing has one slot. Its `counters` are a block in every worker's counter memory. Its cells of shared memory are
 * Int32s; those that count what is open are gauges, and say which counters rise and fall with them, because only a
 * worker's own counters tell which part of a gauge is that worker's. Connections, leases and waiting sessions are
 * different numbers with gauges of their own, whichever of them happen to be equal.
 */

/** How many things of a kind there may be, also counting those that left and still have sessions; and what they have. */
interface Kind<Cells extends object> {
  readonly capacity: number;
  readonly counters: Cells;
  /** Cells of shared memory that count what is open: one for each slot. */
  readonly gauges: Readonly<Record<string, Gauge<keyof Cells>>>;
  /** Other cells of shared memory: how many each slot has. */
  readonly cells: Readonly<Record<string, number>>;
}

/** A count of things that are open: those that rose less those that fell, over all workers. */
interface Gauge<Cell> {
  readonly rises: Cell;
  readonly falls: Cell;
}

const kind = <const Cells extends object, const K extends Omit<Kind<Cells>, "counters">>(
  counters: Cells,
  rest: K,
): K & { readonly counters: Cells } => ({ counters, ...rest });

/** A latency in microseconds, 0 before the first; and when it was measured, in hundredths of a second. */
export const latencyCells = 2;

/** See `retry-budget.ts`. */
export const retryWindow = { seconds: 10, buckets: 11, cellsOfBucket: 3 } as const;

export const layout = {
  listener: kind(listenerCell, {
    capacity: 1_024,
    gauges: {
      /** Open connections. */
      listenerActive: { rises: "accepted", falls: "ended" },
      /** Requests of HTTP under way that go to backends, where their number is limited. */
      listenerRequests: { rises: "requestsBegun", falls: "requestsOver" },
    },
    cells: {},
  }),
  pool: kind(poolCell, {
    capacity: 16_384,
    gauges: {
      /** Leases: what the retry budget is a share of. */
      poolActive: { rises: "leased", falls: "released" },
      /** Retries under way. */
      poolRetries: { rises: "retried", falls: "settled" },
      /** Sessions that wait for a backend. */
      poolWaiting: { rises: "queued", falls: "dequeued" },
    },
    cells: {
      /** See `bells.ts`. */
      bells: 2,
      /** When the first of its ejected backends comes back, in seconds of the system's monotonic clock; 0: none is ejected. Written by the control plane. */
      poolBackAt: 1,
      /** Requests and retries of each of the last seconds. */
      retryWindow: retryWindow.buckets * retryWindow.cellsOfBucket,
    },
  }),
  route: kind(routeCell, {
    capacity: 16_384,
    gauges: {
      /** Requests under way. */
      routeActive: { rises: "begun", falls: "over" },
    },
    cells: {},
  }),
  guard: kind(guardCell, {
    capacity: 16_384,
    gauges: {
      /** Requests that a fault holds up, where their number is limited. */
      guardHeld: { rises: "begun", falls: "over" },
    },
    cells: {},
  }),
  backend: kind(backendCell, {
    capacity: 131_072,
    gauges: {
      /** Leases: connecting or connected. Least-connection reads it. */
      backendActive: { rises: "leased", falls: "released" },
    },
    cells: {
      /** `backendFlag` bits, written by the control plane. 0: may be picked. */
      backendFlags: 1,
      /** Failures in a row, over all workers. */
      backendErrors: 1,
      /** How much of its weight does not count while it starts slowly, in percent; written by the control plane. */
      backendWithheld: 1,
      /** Its latency. Plain stores: of two at once, one is lost. */
      backendLatency: latencyCells,
    },
  }),
} as const;

export type KindName = keyof typeof layout;

export const kindNames = Object.keys(layout) as readonly KindName[];

/** The names of all gauges and other cells, of all kinds. */
export type CellName = {
  [K in KindName]: keyof (typeof layout)[K]["gauges"] | keyof (typeof layout)[K]["cells"];
}[KindName];

/**
 * Counter memory has rows, alike all of them: each has room for a 1,024th of the slots of every kind. So it can begin
 * with one row, and grow by rows when slots of any kind are taken. Linux refuses more than a small machine has.
 */
const rows = 1_024;

interface Blocks {
  /** Slots of a row. */
  readonly slots: number;
  /** Index of the first cell of the first block in a row. */
  readonly first: number;
  /** Cells of one block. */
  readonly size: number;
}

const blocks = new Map<KindName, Blocks>();
let rowCells = 0;
for (const name of kindNames) {
  const { capacity, counters } = layout[name];
  const slots = capacity / rows;
  blocks.set(name, { slots, first: rowCells, size: counters.size });
  rowCells += slots * counters.size;
}

/** Index of the first counter of a slot, in every worker's counter memory. */
export function countersOf(name: KindName, slot: number): number {
  const { slots, first, size } = blocks.get(name)!;
  const place = slot % slots;
  return ((slot - place) / slots) * rowCells + first + place * size;
}

const rowBytes = rowCells * Float64Array.BYTES_PER_ELEMENT;

/** Room for the first row. Pages that are never touched cost no memory. */
export const createCounterMemory = (): CounterMemory =>
  viewCounters(new SharedArrayBuffer(rowBytes, { maxByteLength: rows * rowBytes }));

/** Makes room for the first slots of a kind. */
export function growCounterBuffer(buffer: SharedArrayBuffer, name: KindName, slots: number): void {
  const needed = Math.ceil(slots / blocks.get(name)!.slots) * rowBytes;
  if (needed > buffer.byteLength) buffer.grow(needed);
}

/**
 * All that there is room for now. A view that grew with its buffer would be eight times slower; an older one stays right
 * for the slots that it has.
 */
export const viewCounters = (buffer: SharedArrayBuffer): CounterMemory =>
  new Float64Array(buffer, 0, buffer.byteLength / Float64Array.BYTES_PER_ELEMENT);

/** A gauge of a kind, with its counters as offsets in the kind's block. */
export interface GaugeCells {
  readonly gauge: CellName;
  readonly rises: number;
  readonly falls: number;
}

/** The gauges of a kind. */
export function gaugesOf(name: KindName): readonly GaugeCells[] {
  const { gauges, counters } = layout[name];
  const offsets = counters as unknown as Readonly<Record<string, number>>;
  return Object.entries<Gauge<string>>(gauges).map(([gauge, { rises, falls }]) => ({
    gauge: gauge as CellName,
    rises: offsets[rises]!,
    falls: offsets[falls]!,
  }));
}
