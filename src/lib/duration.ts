const unitMilliseconds = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

export const durationPattern: RegExp = /^(\d+)(ms|s|m|h|d)$/;

/** No duration may be longer: Node's timers reach 2^31 milliseconds, 24.8 days. */
export const longestDuration = "24d";

/** `250ms`, `5s`, `1m`, `1h`, `1d`. @returns milliseconds; NaN when the text is not a duration. */
export function parseDuration(text: string): number {
  const [, amount, unit] = durationPattern.exec(text) ?? [];
  return Number(amount) * unitMilliseconds[unit as keyof typeof unitMilliseconds];
}

/** In the largest unit that it is a multiple of, as {@link parseDuration} reads it: `90s`, `2m`. @param milliseconds a whole number. */
export function formatDuration(milliseconds: number): string {
  const units = Object.entries(unitMilliseconds).reverse();
  const [unit, length] = units.find(([, size]) => milliseconds >= size && milliseconds % size === 0) ?? [
    "ms",
    1,
  ];
  return `${milliseconds / length}${unit}`;
}
