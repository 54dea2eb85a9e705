/** The time as the control plane sees it, so that tests can give it one of their own. All times are in milliseconds. */
export interface Timers {
  /** Monotonic; only differences mean something. */
  now(): number;
  /** @returns what cancels it. */
  after(time: number, run: () => void): () => void;
}

export const systemTimers: Timers = {
  now: () => performance.now(),
  after(time, run) {
    const timer = setTimeout(run, time);
    return () => clearTimeout(timer);
  },
};

/** Up to 10 % more or less, so that what began together does not go on together. @param random in [0, 1). */
export function jittered(time: number, random: () => number): number {
  return time * (0.9 + random() / 5);
}
