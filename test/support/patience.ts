import { createHash } from "node:crypto";
import { cpus, loadavg } from "node:os";

/*
 * Deadlines of tests are for a quiet machine. On one that is slow, or that others keep busy, everything takes longer, and
 * every deadline, upper bound on time, and timeout that is not meant to strike goes through `patient`.
 */

const variable = "TEST_SLOWNESS";
const most = 20;
/** Half as much again as an Intel Xeon takes while nothing else runs, in milliseconds. */
const quietMs = 125;
const hashes = 50_000;

/** As many milliseconds on this machine as these would be on a quiet one. */
export function patient(ms: number): number {
  return Math.ceil(ms * slowness());
}

/** How many times longer than on a quiet machine things take: 1 to 20. */
function slowness(): number {
  return Number(process.env[variable] ?? measureSlowness());
}

/**
 * Takes the time of work that takes a tenth of a second on a quiet machine, looks at how many threads of the last minute
 * wanted each CPU, and takes the worse of the two. It leaves that in the environment for the test processes that are
 * started from now on: `run.ts` measures for all of them. A test that is run by hand measures itself.
 * @param own how many threads of the caller's own run want a CPU meanwhile: those don't count.
 * @param least what it counts as at least, such as what was measured before those began.
 */
export function measureSlowness(own = 0, least = 1): number {
  const began = performance.now();
  let text = "";
  for (let count = 0; count < hashes; count++) text = createHash("sha256").update(text).digest("hex");
  const took = (performance.now() - began) / quietMs;
  const load = loadavg()[0]! / cpus().length;
  const measured = Math.min(most, Math.max(least, Math.max(took, load) - own / cpus().length));
  process.env[variable] = measured.toFixed(2);
  return measured;
}
