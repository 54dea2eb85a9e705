import { formatAddress } from "../lib/address.ts";
import type { Backend } from "../model/backend.ts";
import type { Connection, Dial } from "./connection.ts";

/** The address to check, further ones of the same host, and its name. */
export type CheckTarget = Pick<Backend, "target" | "others" | "hostName">;

/** The name for the Host header where none is configured. */
export function authorityOf({ target, hostName }: CheckTarget): string {
  return hostName ?? (target.kind === "unix" ? "localhost" : formatAddress(target));
}

/** Finds out whether a backend works. One check serves all backends of a pool, several at a time. */
export interface HealthCheck {
  /**
   * Checks a backend once.
   * @param target the same object each time, so that state of a backend can be kept with it.
   * @param done called once, after this has returned. Its argument says in a few words why the backend did not pass.
   * @returns a function that ends the check at once, without a call of `done`. Nothing stays open then.
   */
  check(target: CheckTarget, done: (failure: Error | undefined) => void): () => void;
}

/** How an exchange ends; only the first call counts. */
export interface Outcome {
  pass(): void;
  fail(cause: Error): void;
}

/** The conversation of a check on its connection. */
export interface Talk {
  /** The connection is made, with TLS where it has that. */
  ready(connection: Connection): void;
  /**
   * @param chunk valid until this returns.
   * @throws Error that names the fault of the answer.
   */
  receive?(chunk: Buffer, connection: Connection): void;
  /** The other side has ended its direction. */
  ended?(): void;
}

/** Runs one exchange over a new connection, and closes that in any case. Contract: HealthCheck.check. */
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
