import { retryWindow } from "../../channel/layout.ts";
import type { Pool } from "../../model/pool.ts";

/*
 * Each pool has a ring of buckets in shared memory, one for each of the last seconds and one to begin anew. A bucket has
 * three cells: the second that it is of, the requests that began in it, and the requests that were sent again in it.
 */

const { seconds, buckets, cellsOfBucket } = retryWindow;
const requests = 1;
const retries = 2;
/** In place of the second: a worker is about to empty the bucket. */
const emptied = -1;

/**
 * Bounds how many requests of a pool are sent again after a backend may have had them, exactly over all workers: a share
 * of the requests of the last ten seconds. It does not shrink while everything fails, as a share of the requests under way
 * would. A retry counts from the decision on, also while it waits.
 */
export class RetryBudget {
  readonly #cells: Int32Array<SharedArrayBuffer>;
  readonly #first: number;
  readonly #clock: { readonly now: number };

  /** @param cells of all pools. @param clock in milliseconds, the same for all workers; may be a moment late. */
  constructor(cells: Int32Array<SharedArrayBuffer>, poolSlot: number, clock: { readonly now: number }) {
    this.#cells = cells;
    this.#first = poolSlot * buckets * cellsOfBucket;
    this.#clock = clock;
  }

  /** A request begins. */
  count(): void {
    const bucket = this.#present();
    if (bucket !== undefined) Atomics.add(this.#cells, bucket + requests, 1);
  }

  /** @returns whether one more request may be sent again; then it is counted. */
  take({ percent, min }: Pool["connect"]["retryBudget"]): boolean {
    const bucket = this.#present();
    if (bucket === undefined) return false;
    // First: of two workers that take the last one at the same time neither may get it, but never both.
    Atomics.add(this.#cells, bucket + retries, 1);
    const most = Math.max(min * seconds, Math.floor((this.#sum(requests) * percent) / 100));
    if (this.#sum(retries) <= most) return true;
    Atomics.sub(this.#cells, bucket + retries, 1);
    return false;
  }

  get #second(): number {
    return Math.floor(this.#clock.now / 1_000);
  }

  /** Over the last seconds. */
  #sum(offset: number): number {
    const oldest = this.#second - seconds;
    let sum = 0;
    for (let at = this.#first; at < this.#first + buckets * cellsOfBucket; at += cellsOfBucket)
      if (Atomics.load(this.#cells, at) > oldest) sum += Atomics.load(this.#cells, at + offset);
    return sum;
  }

  /** The bucket of the present second, empty where it is new; undefined while another worker empties it. */
  #present(): number | undefined {
    const cells = this.#cells;
    const second = this.#second;
    const bucket = this.#first + (second % buckets) * cellsOfBucket;
    const found = Atomics.load(cells, bucket);
    if (found === second) return bucket;
    if (found === emptied || Atomics.compareExchange(cells, bucket, found, emptied) !== found)
      return undefined;
    Atomics.store(cells, bucket + requests, 0);
    Atomics.store(cells, bucket + retries, 0);
    Atomics.store(cells, bucket, second);
    return bucket;
  }
}
