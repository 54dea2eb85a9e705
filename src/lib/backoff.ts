/**
 * The wait before another try: from the first, doubled with each further one up to the last; half of it is chance, so that those
 * who failed together don't come back together.
 * @param waits the first and the last, in milliseconds. @param tries that there were before, from 0 on.
 */
export function backoff(
  [first, last]: readonly [number, number],
  tries: number,
  random: () => number = Math.random,
): number {
  const wait = Math.min(last, first * 2 ** Math.min(tries, 16));
  return Math.round(wait * (0.5 + random() / 2));
}
