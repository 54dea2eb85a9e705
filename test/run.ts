import { once } from "node:events";
import { globSync, mkdtempDisposableSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { run } from "node:test";
import { spec, tap } from "node:test/reporters";
import { parseArgs } from "node:util";
import { alone, batch, type Program } from "./support/batches.ts";
import { makeCertificates } from "./support/certificates.ts";
import { costTable, countCosts } from "./support/costs.ts";
import { type Outcome, Outcomes } from "./support/outcomes.ts";
import { measureSlowness, patient } from "./support/patience.ts";

/*
 * `npm test [-- FILTER…]` runs test/**\/*.test.ts but the soak tests, `--soak` runs those instead. A filter keeps the files
 * whose path contains it. Unit tests come first: they fail faster, and share processes. Then come the files that take the
 * longest, so that no CPU waits for one of them at the end. With `--again`, files that failed are run once more, one after
 * the other, and named: a machine that is very busy upsets tests of timing. How slow the machine is, is measured first, and
 * again and again, because others may use it, too. `--costs` prints at the end how much CPU time each file took, with all
 * that it started; then no two files share a process.
 */
const root = resolve(import.meta.dirname, "..");
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    soak: { type: "boolean", default: false },
    again: { type: "boolean", default: false },
    costs: { type: "boolean", default: false },
  },
});

const minuteMs = 60_000;
/** Tests wait for a fifth of their time; still more files at once would upset those that measure time. */
const concurrency = values.soak ? 1 : Math.min(2, availableParallelism()) + 1;
const long = ["bad-weather", "half-close", "short-sessions", "stalls", "timeouts", "upgrade", "workers"];
const longFiles = new Set(long.map((name) => `test/integration/${name}.test.ts`));
const rank = (file: string): number =>
  file.startsWith("test/integration/") ? (longFiles.has(file) ? 1 : 2) : 0;
const files = globSync("test/**/*.test.ts", { cwd: root })
  .filter((file) => file.startsWith("test/soak/") === values.soak)
  .filter((file) => positionals.length === 0 || positionals.some((filter) => file.includes(filter)))
  .sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));

if (files.length === 0) {
  console.error(`no test file matches ${positionals.join(" ") || "test/**/*.test.ts"}`);
  process.exit(1);
}

// Code that one file's process has compiled, the others need not: a third of the time of most of them.
process.env["NODE_COMPILE_CACHE"] ??= resolve(root, "node_modules/.cache/node");

// And so with the certificates that a quarter of them need.
using certificates = mkdtempDisposableSync(join(tmpdir(), "umay-certificates-"));
await makeCertificates(certificates.path);
process.env["TEST_CERTIFICATES"] = certificates.path;

const atFirst = measureSlowness();
console.error(`deadlines are ${atFirst.toFixed(1)} times those of a quiet machine, or longer`);
const measuring = setInterval(() => measureSlowness(concurrency + 2, atFirst), minuteMs / 4);

using programs = mkdtempDisposableSync(join(tmpdir(), "umay-tests-"));
const units = files.filter((file) => rank(file) === 0 && !values.soak);
const others = files.filter((file) => !units.includes(file));
const costs = join(programs.path, "costs");
if (values.costs) countCosts(costs);
const byThemselves = values.costs ? files : others;
const all = [
  ...(values.costs ? [] : batch(units, root, programs.path)),
  ...byThemselves.map((file) => alone(file, root)),
];
const first = await runPrograms(all, concurrency);
const second =
  values.again && first.failed.length > 0
    ? await runPrograms(
        first.failed.map((file) => alone(file, root)),
        1,
      )
    : first;
clearInterval(measuring);
if (values.costs) console.error(costTable(costs, root));
const passedThen = first.failed.filter((file) => !second.failed.includes(file));
for (const file of passedThen) console.error(`failed, and passed when it was run again: ${file}`);
for (const file of second.failed) console.error(`failed, or without a test: ${file}`);
if (first.passed === 0) console.error("no test passed");
if (second.failed.length > 0 || first.passed === 0) process.exitCode = 1;

async function runPrograms(programs: readonly Program[], concurrency: number): Promise<Outcome> {
  const stream = run({
    files: programs.map(({ path }) => path),
    cwd: root,
    concurrency,
    timeout: patient((values.soak ? 60 : 5) * minuteMs),
    // Handles that a failed test left open must not keep the whole run from ending.
    execArgv: ["--import", resolve(root, "test/support/ends-by-itself.ts")],
  });
  const outcomes = new Outcomes(programs, root);
  stream.on("test:pass", (event) => outcomes.passed(event));
  stream.on("test:fail", (event) => outcomes.failed(event));
  const report = stream.compose(process.stdout.isTTY ? new spec() : tap);
  report.pipe(process.stdout, { end: false });
  await once(report, "end");
  return outcomes.all();
}
