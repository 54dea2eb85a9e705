/**
 * How many times as dear a work becomes with its size, by the thread's own CPU time; the least of some runs of each.
 * @param work made ready for a size, which is not counted.
 */
export async function growth(
  [small, large]: readonly [number, number],
  ready: (size: number) => () => unknown,
): Promise<number> {
  const cost = async (size: number): Promise<number> => {
    const times: number[] = [];
    for (let run = 0; run < 4; run++) {
      const work = ready(size);
      const before = process.threadCpuUsage();
      await work();
      const { user, system } = process.threadCpuUsage(before);
      times.push(user + system);
    }
    return Math.min(...times);
  };
  return (await cost(large)) / (await cost(small));
}
