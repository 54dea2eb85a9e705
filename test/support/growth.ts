/** In µs: the least that is told apart, because some systems count a thread's time by ticks. */
const tick = 4_000;

/**
 * How many times as dear a work becomes with its size, by the thread's own CPU time; the least of some runs of each. The
 * small one is done as often as makes the same size in all.
 * @param work made ready for a size, which is not counted.
 */
export async function growth(
  [small, large]: readonly [number, number],
  ready: (size: number) => () => unknown,
): Promise<number> {
  const cost = async (size: number): Promise<number> => {
    const times: number[] = [];
    for (let run = 0; run < 4; run++) {
      const works = Array.from({ length: large / size }, () => ready(size));
      const before = process.threadCpuUsage();
      for (const work of works) await work();
      const { user, system } = process.threadCpuUsage(before);
      times.push(user + system);
    }
    return Math.max(tick, Math.min(...times)) / (large / size);
  };
  return (await cost(large)) / (await cost(small));
}
