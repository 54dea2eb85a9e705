import { formatAddress } from "../lib/address.ts";
import type { Backend } from "../model/backend.ts";
import type { Connection, Dial } from "./dial.ts";

/** What is checked, and the name that it has. */
export type CheckTarget = Pick<Backend, "target" | "hostName">;

/** The name that a backend is addressed by where none is configured. */
export function authorityOf({ target, hostName }: CheckTarget): string {
  return hostName ?? (target.kind === "unix" ? "localhost" : formatAddress(target));
}

/** Finds out whether a backend works. One check serves all backends of a pool, several at a time. */
export interface HealthCheck {
  /**
   * Checks a backend once.
   * @param target the same object each time, so that what is known of a backend can be kept with it.
   * @param done called once, after this has returned. Its argument says in a few words why the backend did not pass.
   * @returns what ends the check at once, without a call of `done`. Nothing stays open then.
   */
  check(target: CheckTarget, done: (failure: Error | undefined) => void): () => void;
}

/** How an exchange ends; only the first call counts. */
export interface Outcome {
  pass(): void;
  fail(cause: Error): void;
}

/** What a check says and hears on its connection. */
export interface Talk {
  /** The connection is made, with TLS where it has that. */
  ready(connection: Connection): void;
  /**
   * @param chunk valid until this returns.
   * @throws Error that says what is wrong with it.
   */
  receive?(chunk: Buffer, connection: Connection): void;
  /** The other side says no more. */
  ended?(): void;
}

/** Runs one exchange over a connection of its own, and closes that whatever happens. Contract: HealthCheck.check. */
export function exchange(
  dial: Dial,
  target: CheckTarget,
  done: (failure: Error | undefined) => void,
  begin: (outcome: Outcome) => Talk,
): () => void {
  let over = false;
  const end = (failure: Error | undefined): void => {
    if (over) return;
    over = true;
    connection.close(failure === undefined);
    done(failure);
  };
  const talk = begin({ pass: () => end(undefined), fail: end });
  const connection = dial(target, {
    ready: () => over || talk.ready(connection),
    receive(chunk) {
      try {
        if (!over) talk.receive?.(chunk, connection);
      } catch (error) {
        end(error as Error);
      }
    },
    ended: () => over || talk.ended?.(),
    failed: end,
  });
  return () => {
    if (over) return;
    over = true;
    connection.close(false);
  };
}
