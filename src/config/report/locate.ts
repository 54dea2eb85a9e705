import type { ConfigProblem, Finding, Path } from "../errors.ts";
import type { Misfit, Override } from "../override.ts";
import { formatPath, isWithin } from "../tree.ts";
import { codeFrame } from "./frame.ts";
import { type Positions, readPositions } from "./positions.ts";
import { didYouMean } from "./suggest.ts";

/** The configuration that problems are found in. */
export interface Located {
  /** The file's name as a person knows it. */
  readonly name: string;
  readonly text: string;
  readonly overrides: readonly Override[];
}

interface Placed {
  readonly problem: ConfigProblem;
  readonly line: number;
  readonly column: number;
}

/** Gives each finding its place: file, line and column, or the environment variable that caused it. Sorted by place. */
export async function locate(
  findings: readonly Finding[],
  misfits: readonly Misfit[],
  config: Located,
): Promise<ConfigProblem[]> {
  const positions =
    findings.length === 0 ? undefined : await readPositions(config.text).catch(() => undefined);
  const placed = findings.map((finding) => place(finding, config, positions));
  placed.push(...misfits.map(({ variable, message, hint }) => atVariable({ message, hint }, variable)));
  placed.sort((a, b) => a.line - b.line || a.column - b.column);
  return placed.map(({ problem }) => problem);
}

function place(finding: Finding, config: Located, positions: Positions | undefined): Placed {
  const { severity, message, hint } = finding;
  const path = formatPath(finding.path);
  const setter = lastMatch(config.overrides, (override) => isWithin(finding.path, override.path));
  if (setter !== undefined) return atVariable({ ...finding, path }, setter.variable, setter);
  const found = positions?.find(finding.path, finding.at);
  // A table that only variables made has no place in the file; one of them stands for it.
  const maker = tableMaker(finding.path, config.overrides, found?.depth ?? 0);
  if (maker !== undefined) return atVariable({ ...finding, path }, maker.variable, maker);
  if (found === undefined)
    return {
      problem: { severity, where: config.name, path, message, hint, frame: undefined },
      line: 0,
      column: 0,
    };
  const { line, column } = found.range;
  const where = `${config.name}:${line}:${column}`;
  return {
    problem: { severity, where, path, message, hint, frame: codeFrame(config.text, found.range) },
    line,
    column,
  };
}

function tableMaker(path: Path, overrides: readonly Override[], depth: number): Override | undefined {
  for (let length = path.length - 1; length > depth; length--) {
    const maker = lastMatch(overrides, (override) => isWithin(override.path, path.slice(0, length)));
    if (maker !== undefined) return maker;
  }
  return undefined;
}

/** Later overrides lie deeper or were laid over earlier ones. */
function lastMatch(
  overrides: readonly Override[],
  fits: (override: Override) => boolean,
): Override | undefined {
  return overrides.findLast(fits);
}

function atVariable(
  about: Pick<Finding, "message" | "hint"> & { severity?: Finding["severity"]; path?: Path | string },
  variable: string,
  override?: Override,
): Placed {
  const hint = about.hint ?? newNameHint(override?.created);
  const path = typeof about.path === "string" ? about.path : "";
  const { severity = "error", message } = about;
  const problem = { severity, where: variable, path, message, hint, frame: undefined };
  return { problem, line: Number.POSITIVE_INFINITY, column: 0 };
}

function newNameHint(created: Override["created"]): string | undefined {
  const near = created === undefined ? undefined : didYouMean(created.name, created.others);
  return near === undefined ? undefined : `"${created!.name}" is new there; ${near}`;
}
