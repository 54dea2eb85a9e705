/** Why a backend is in its state. */
export interface Standing {
  /** In words: `ECONNREFUSED`, `drained by hand`. */
  readonly cause: string;
  /** For how long, in milliseconds. */
  readonly age: number;
  /** The milliseconds until this ends by itself; undefined: it does not. */
  readonly left: number | undefined;
}
