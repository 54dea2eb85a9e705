import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const callsPerRound = 20_000;

/**
 * Bytes of heap that one call allocates: the median of 50 rounds of 20,000 calls, after a warm-up that lets the
 * compiler finish. A round is so short that what it allocates stays where it is until the round has been measured, and
 * the median leaves out the rounds in which the compiler itself allocated.
 * @param run calls the function under test so many times.
 */
export function bytesPerCall(run: (times: number) => void): number {
  for (let round = 0; round < 5; round++) run(callsPerRound);
  const used: number[] = [];
  for (let round = 0; round < 50; round++) {
    if (round % 10 === 0) collectGarbage();
    const before = process.memoryUsage().heapUsed;
    run(callsPerRound);
    used.push((process.memoryUsage().heapUsed - before) / callsPerRound);
  }
  return used.sort((a, b) => a - b)[25]!;
}
