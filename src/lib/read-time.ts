/** Bytes that came are being dealt with. */
let isReading = false;
/** The time that all of it has, by performance.now(); 0: nobody has asked for it. */
let read = 0;

/** Bytes came: until {@link endRead}, all that they bring about happens at one time. */
export function beginRead(): void {
  isReading = true;
}

export function endRead(): void {
  isReading = false;
  read = 0;
}

/**
 * The time by `performance.now()`; while bytes that came are dealt with, always that at which it was first asked for. One
 * read may bring a hundred requests, each of which asks several times, and asking the system costs some 60 ns; bytes that
 * are only relayed ask for none.
 */
export function eventTime(): number {
  if (read !== 0) return read;
  const now = performance.now();
  if (isReading) read = now;
  return now;
}
