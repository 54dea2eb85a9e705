import type { Socket } from "node:net";
import { formatAddress } from "../lib/address.ts";
import type { Backend } from "../model/backend.ts";

/** What is checked, and the name that it has. */
export type CheckTarget = Pick<Backend, "target" | "hostName">;

/** The name that a backend is addressed by where none is configured. */
export function authorityOf({ target, hostName }: CheckTarget): string {
  return hostName ?? (target.kind === "unix" ? "localhost" : formatAddress(target));
}

/** Finds out whether a backend works. One check serves all backends of a pool, several at a time. */
export interface HealthCheck {
  /**
   * Resolves when the backend passed, rejects with an Error that says in a few words why not. Settles at once when
   * `signal` aborts, with its reason. Leaves nothing open.
   */
  check(target: CheckTarget, signal: AbortSignal): Promise<void>;
}

/** How an exchange ends; only the first call counts. */
export interface Outcome {
  pass(): void;
  fail(cause: Error): void;
}

/**
 * Runs one exchange over a socket that is being opened, and closes it whatever happens.
 * @param run must settle the outcome; errors of the socket and `signal` do so too.
 */
export function exchange(
  socket: Socket,
  signal: AbortSignal,
  run: (outcome: Outcome) => void,
): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    let over = false;
    const aborted = (): void => end(() => reject(signal.reason));
    const end = (settle: () => void): void => {
      over = true;
      signal.removeEventListener("abort", aborted);
      settle();
      socket.destroy();
    };
    const fail = (cause: Error): void => end(() => reject(cause));
    // It stays: a socket may still fail while it is being closed.
    socket.on("error", fail);
    // Last: whoever reads the answer may know better what is missing.
    const closed = (): void => fail(new Error("the connection was closed without an answer"));
    socket.on("close", () => over || setImmediate(closed));
    signal.addEventListener("abort", aborted);
    if (signal.aborted) aborted();
    else run({ pass: () => end(resolve), fail });
  });
}
