const units = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;

/** Gateway API's durations (GEP-2257), such as `1h30m` or `500ms`. @returns milliseconds; undefined: it is none. */
export function durationOf(text: string): number | undefined {
  if (!/^(?:[0-9]{1,5}(?:h|ms|m|s)){1,4}$/.test(text)) return undefined;
  let sum = 0;
  for (const [, amount, unit] of text.matchAll(/([0-9]+)(h|ms|m|s)/g))
    sum += Number(amount) * units[unit as keyof typeof units];
  return sum;
}
