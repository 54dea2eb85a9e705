/** A client of a load: asks one request at a time. */
export interface Asking {
  readonly busy: boolean;
  /** Whether its connection is open. */
  readonly connected: boolean;
  /** Calls back once, when the whole answer is there or with what went wrong. Not while it is busy. */
  ask(done: (error: string | undefined) => void): void;
}
