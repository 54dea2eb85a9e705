/*
 * One table that all workers change says how many connections each client address has open on a listener, and how much
 * of its rate it has used. It has a fixed number of sets of 64 places; the hash of an address says in which set its place
 * is. A set is changed under its lock, so that limits are exact whoever comes at the same time. An address without open
 * connections whose bucket is full again has no limits to keep: its place may go to another one.
 */

interface Layout {
  /** A power of two. */
  readonly sets: number;
  readonly workers: number;
}

/** The views into a table's memory. */
export interface AddressTable {
  /** Per set: 0, or the worker that changes it. */
  readonly locks: Int32Array<SharedArrayBuffer>;
  /** Per set: how many of its places were ever used. */
  readonly used: Int32Array<SharedArrayBuffer>;
  /** Per place: both halves of a client's key. */
  readonly keys: Int32Array<SharedArrayBuffer>;
  /** Per place: open connections. Changed with Atomics: the control plane gives back without a lock. */
  readonly open: Int32Array<SharedArrayBuffer>;
  /** Per place: when its bucket is full again, in milliseconds of the system's monotonic clock. */
  readonly fullAt: Float64Array<SharedArrayBuffer>;
  /** Per worker and place: open connections of that worker, to give them back when it dies. */
  readonly ownOpen: readonly Int32Array<SharedArrayBuffer>[];
  /** Unknown outside, so that nobody can choose addresses that meet in one set. */
  readonly seed: number;
  readonly sets: number;
}

export const placesPerSet = 64;

const smallestSets = 1_024;
const largestSets = 65_536;
const headerBytes = 16;

/**
 * Room for twice as many addresses or keys as are to be remembered, 65,536 to 4,194,304: with half of its places in use, 64 of
 * them are practically never too few. Pages that are never touched cost no memory.
 * @param remembered the connections that a listener may have open, or the keys of a rate limit. @param seed any 32 bits.
 */
export function createAddressTable(remembered: number, workers: number, seed: number): SharedArrayBuffer {
  const wanted = 2 ** Math.ceil(Math.log2((2 * remembered) / placesPerSet));
  const sets = Math.min(largestSets, Math.max(smallestSets, wanted));
  const buffer = new SharedArrayBuffer(headerBytes + bytesOf({ sets, workers }));
  new Int32Array(buffer, 0, 3).set([sets, workers, seed]);
  return buffer;
}

function bytesOf({ sets, workers }: Layout): number {
  const places = sets * placesPerSet;
  return sets * 8 + places * (8 + 8 + 4 + 4 * workers);
}

export function openAddressTable(buffer: SharedArrayBuffer): AddressTable {
  const [sets = 0, workers = 0, seed = 0] = new Int32Array(buffer, 0, 3);
  const places = sets * placesPerSet;
  let offset = headerBytes;
  const take = (bytes: number): number => {
    offset += bytes;
    return offset - bytes;
  };
  return {
    sets,
    seed,
    fullAt: new Float64Array(buffer, take(places * 8), places),
    locks: new Int32Array(buffer, take(sets * 4), sets),
    used: new Int32Array(buffer, take(sets * 4), sets),
    keys: new Int32Array(buffer, take(places * 8), places * 2),
    open: new Int32Array(buffer, take(places * 4), places),
    ownOpen: Array.from({ length: workers }, () => new Int32Array(buffer, take(places * 4), places)),
  };
}

/** How long to sleep at most before another look at a lock, in milliseconds. */
const lockSleep = 10;

/** Waits for a set's lock. @param owner 1 to count of workers. */
export function lockSet({ locks }: AddressTable, set: number, owner: number): void {
  for (;;) {
    const holder = Atomics.compareExchange(locks, set, 0, owner);
    if (holder === 0) return;
    Atomics.wait(locks, set, holder, lockSleep);
  }
}

export function unlockSet({ locks }: AddressTable, set: number): void {
  Atomics.store(locks, set, 0);
  Atomics.notify(locks, set, 1);
}

/** How often a lock is tried that must not be waited for. */
const mostTries = 100;

/**
 * Has a key's bucket be full no earlier than this, where the key is in its set; by the main thread, which waits for no
 * worker: where one has the set's lock all the time, nothing changes.
 * @param low the half of the key's hash that says in which set it is. @param fullAt as in {@link AddressTable.fullAt}.
 */
export function raiseFullAt(table: AddressTable, high: number, low: number, fullAt: number): void {
  const { sets, locks, used, keys, ownOpen } = table;
  const set = low & (sets - 1);
  const owner = ownOpen.length + 1;
  for (let tries = 1; Atomics.compareExchange(locks, set, 0, owner) !== 0; tries++)
    if (tries === mostTries) return;
  const first = set * placesPerSet;
  for (let place = first; place < first + used[set]!; place++)
    if (keys[2 * place + 1] === low && keys[2 * place] === high)
      table.fullAt[place] = Math.max(table.fullAt[place]!, fullAt);
  unlockSet(table, set);
}

/** Gives back what a dead worker had open, and the locks that it held. @param worker 1 to count of workers. */
export function giveBackOfWorker(buffer: SharedArrayBuffer, worker: number): void {
  const table = openAddressTable(buffer);
  const own = table.ownOpen[worker - 1]!;
  for (let set = 0; set < table.sets; set++)
    if (Atomics.compareExchange(table.locks, set, worker, 0) === worker) Atomics.notify(table.locks, set);
  for (let place = 0; place < own.length; place++) {
    const open = own[place]!;
    if (open === 0) continue;
    Atomics.sub(table.open, place, open);
    own[place] = 0;
  }
}
