import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "yaml";

/** As the suite writes it, as far as it is read here. */
interface SuiteReport {
  readonly profiles: readonly { readonly name: string }[];
  readonly [key: string]: unknown;
}

/** A test of the suite: its outcome, and the features that it relies on. */
export interface TestOutcome {
  readonly outcome: "passed" | "failed" | "skipped";
  readonly features: readonly string[];
}

const outcomes = { PASS: "passed", FAIL: "failed", SKIP: "skipped" } as const;

/** Reads the output of the suite (`-test.v`). @returns its tests by name, sorted. */
export function testsOf(output: string): Readonly<Record<string, TestOutcome>> {
  const features = new Map<string, readonly string[]>();
  for (const [, name, list] of output.matchAll(
    /Running (\w+), relying on the following features: ([\w, -]+)/g,
  ))
    features.set(
      name!,
      list!
        .split(", ")
        .map((feature) => feature.replace(/-[a-z]+$/, ""))
        .sort(),
    );
  const tests = [...output.matchAll(/--- (PASS|FAIL|SKIP): TestConformance\/(\w+) /g)].map(
    ([, outcome, name]): [string, TestOutcome] => [
      name!,
      { outcome: outcomes[outcome as keyof typeof outcomes], features: features.get(name!) ?? [] },
    ],
  );
  // Tests that are left out rely on features that nobody claims.
  const ran = tests.filter(([, { outcome }]) => outcome !== "skipped");
  return Object.fromEntries(ran.sort(([left], [right]) => (left < right ? -1 : 1)));
}

/**
 * Writes the suite's report into a folder, with the server that it ran against and without chance, and the tests beside it.
 * @param file the report as the suite wrote it. @param output of the suite.
 */
export function writeReport(folder: string, file: string, output: string, server: string): void {
  const { profiles, ...report } = parse(readFileSync(file, "utf8")) as SuiteReport;
  const sorted = profiles.toSorted((left, right) => (left.name < right.name ? -1 : 1));
  const head = `# Written by tools/kubernetes/conformance.sh. API server: ${server}.\n`;
  const whole = stringify({ ...report, profiles: sorted }, { lineWidth: 0 });
  writeFileSync(join(folder, "report.yaml"), head + whole);
  const lines = Object.entries(testsOf(output)).map(
    ([name, { outcome, features }]) => `${name}: ${outcome} with ${features.join(", ")}\n`,
  );
  writeFileSync(join(folder, "tests.yaml"), head + lines.join(""));
}

/** Reads the tests that {@link writeReport} wrote. @param content as YAML has it. */
export const readTests = (content: Readonly<Record<string, string>>): Readonly<Record<string, TestOutcome>> =>
  Object.fromEntries(
    Object.entries(content).map(([name, text]) => {
      const [outcome, features = ""] = text.split(" with ");
      return [name, { outcome: outcome as TestOutcome["outcome"], features: features.split(", ") }];
    }),
  );
