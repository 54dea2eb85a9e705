/** Requests that a rate limit has let through in one worker since its last report, for other machines to know of. */
export interface PassedRequests {
  /** The limit's name. */
  readonly limit: string;
  /** The names of the keys that they had: hashes, the same on all machines. */
  readonly keys: readonly string[];
  /** Of each key three numbers: both halves of its hash in the limit's table, and how many requests. */
  readonly cells: Int32Array;
  /** Requests with keys for which the report had no room. */
  readonly untold: number;
}

/** Numbers of each key in {@link PassedRequests.cells}. */
export const cellsOfKey = 3;
