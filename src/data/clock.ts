/**
 * The worker's coarse clock, in milliseconds: set by the sweep, read on the path of a byte, where asking the system
 * for the time would cost more than the byte.
 */
export const clock = { now: performance.now() };
