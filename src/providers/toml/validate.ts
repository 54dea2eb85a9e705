import type { Finding, Path } from "../../lib/findings.ts";
import { explainIssue } from "./explain.ts";
import { findPlanned } from "./planned.ts";
import { config, type Settings } from "./schema.ts";
import { isWithin, prune, type Tree } from "./tree.ts";

export interface Validated {
  /** Undefined when nothing usable is left. With findings it lacks the wrong parts and only helps to find more problems. */
  readonly settings: Settings | undefined;
  readonly findings: readonly Finding[];
  /** The parts that were left out of the settings. umay itself removed them, so no check may call them missing. */
  readonly unchecked: readonly Path[];
}

/**
 * Checks a configuration against the schema. Wrong parts are cut out until the rest is valid, so that later checks can
 * look at the rest and all problems are reported at once.
 * @param unfilled paths whose values could not be filled in, which has been reported.
 * @param takePlanned see `TextOptions`.
 */
export function validate(tree: Tree, unfilled: readonly Path[], takePlanned = false): Validated {
  const findings = takePlanned ? [] : findPlanned(tree);
  const first = config.safeParse(tree);
  if (first.success && unfilled.length + findings.length === 0)
    return { settings: first.data, findings, unchecked: [] };

  const rest = structuredClone(tree);
  const unchecked = [...unfilled, ...findings.map(({ path }) => path)].map((path) => prune(rest, path));
  for (;;) {
    const result = config.safeParse(rest);
    if (result.success) return { settings: result.data, findings, unchecked };
    const found = result.error.issues.flatMap((issue) => explainIssue(issue, rest));
    findings.push(...found.filter(({ path }) => !isAboutUnchecked(path, unchecked)));
    const removed = found.map(({ path }) => prune(rest, path));
    if (removed.some((path) => path.length === 0)) return { settings: undefined, findings, unchecked };
    unchecked.push(...removed);
  }
}

/** Whether something at or below a path was left out of the checks. */
export function isAboutUnchecked(path: Path, unchecked: readonly Path[]): boolean {
  return unchecked.some((left) => isWithin(left, path));
}
