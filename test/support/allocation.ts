import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const callsPerRound = 10_000;
const rounds = 9;

/**
 * Bytes of heap that one call allocates: the median of 9 rounds of 10,000 calls. A round is so short that what it
 * allocates stays where it is until the round has been measured, and the median leaves out the rounds in which the
 * compiler itself allocated. Until the compiler has finished, code may allocate what it does not later: so it is measured
 * again, up to three times, until it allocates nothing.
 * @param run calls the function under test so many times.
 */
export function bytesPerCall(run: (times: number) => void): number {
  for (let round = 0; round < 5; round++) run(callsPerRound);
  let least = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 3 && least >= 0.5; attempt++) least = Math.min(least, medianRound(run));
  return least;
}

function medianRound(run: (times: number) => void): number {
  const used: number[] = [];
  collectGarbage();
  for (let round = 0; round < rounds; round++) {
    const before = process.memoryUsage().heapUsed;
    run(callsPerRound);
    used.push((process.memoryUsage().heapUsed - before) / callsPerRound);
  }
  return used.sort((a, b) => a - b)[(rounds - 1) / 2]!;
}
