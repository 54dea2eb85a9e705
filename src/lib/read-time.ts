/** When the present read of a socket came, by performance.now(); 0: there is none. */
let read = 0;

/** Bytes came: until {@link endRead}, all that they bring about happens at this time. */
export function beginRead(): void {
  read = performance.now();
}

export function endRead(): void {
  read = 0;
}

/**
 * The time by `performance.now()`; while bytes that came are dealt with, that at which they came. One read may bring a
 * hundred requests, each of which asks several times; asking the system costs some 60 ns.
 */
export const eventTime = (): number => (read === 0 ? performance.now() : read);
