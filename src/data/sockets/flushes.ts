/** A connection that has something to write. */
export interface Flushing {
  /** Whether it is on the list already; the list's own. */
  awaitsFlush: boolean;
  /** Writes all that the socket takes. */
  flush(): void;
}

/** In bytes: one read of a socket, and what is written around it. */
export const bufferSize = 65_536 + 8_192;
/** Buffers that a worker keeps for the next writes. */
const mostFree = 256;

const waiting: Flushing[] = [];
const free: Buffer[] = [];

/**
 * Has it write at the end of this turn of the event loop, once: what many streams of a connection say in one turn leaves
 * in one write.
 */
export function flushSoon(one: Flushing): void {
  if (one.awaitsFlush) return;
  one.awaitsFlush = true;
  if (waiting.push(one) === 1) setImmediate(flushAll);
}

/** Does it now. */
export function flushAll(): void {
  // One that is put on the list meanwhile waits for the next turn.
  for (const one of waiting.splice(0)) {
    one.awaitsFlush = false;
    one.flush();
  }
}

/** @returns a buffer of {@link bufferSize} to fill and to write. */
export const borrowBuffer = (): Buffer => free.pop() ?? Buffer.allocUnsafeSlow(bufferSize);

/** The system has what was written of it. @param part of a buffer that was borrowed. */
export function giveBack(part: Buffer): void {
  if (free.length < mostFree) free.push(Buffer.from(part.buffer));
}
