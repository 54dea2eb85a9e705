import type { Finding, Path } from "../../../lib/findings.ts";
import { didYouMean } from "../../../lib/suggest.ts";
import type { ConfigProblem } from "../../provider.ts";
import type { Misfit, Override } from "../override.ts";
import { formatPath, isWithin } from "../tree.ts";
import { codeFrame, splitLines } from "./frame.ts";
import { type Positions, readPositions, tooLongToPlace } from "./positions.ts";

/** The configuration that has the problems. */
export interface Located {
  /** The file's name for a person. */
  readonly name: string;
  readonly text: string;
  readonly overrides: readonly Override[];
}

interface Placed {
  readonly problem: ConfigProblem;
  readonly line: number;
  readonly column: number;
}

const behindTheFile = { line: Number.POSITIVE_INFINITY, column: 0 };

/** Gives each finding its place: file, line and column, or the environment variable that caused it. Sorted by place. */
export async function locate(
  findings: readonly Finding[],
  misfits: readonly Misfit[],
  config: Located,
  readPlaces: (text: string) => Promise<Positions> = readPositions,
): Promise<ConfigProblem[]> {
  // Text that smol-toml reads and the other parser does not gets its problems reported without a line.
  const read = async (): Promise<Positions> => readPlaces(config.text);
  const needed = findings.length > 0 && !tooLongToPlace(config.text);
  const positions = needed ? await read().catch(() => undefined) : undefined;
  const lines = splitLines(config.text);
  const placed = [
    ...findings.map((finding) => place(finding, config, positions, lines)),
    ...misfits.map(({ severity, variable, message, hint }) => ({
      problem: { severity, where: variable, path: "", message, hint, frame: undefined },
      ...behindTheFile,
    })),
  ];
  placed.sort((a, b) => a.line - b.line || a.column - b.column);
  return placed.map(({ problem }) => problem);
}

function place(
  { severity, path, at, message, hint }: Finding,
  { name, overrides }: Located,
  positions: Positions | undefined,
  lines: readonly string[],
): Placed {
  const problem = { severity, where: name, path: formatPath(path), message, hint, frame: undefined };
  const found = positions?.find(path, at);
  const override = responsibleFor(path, overrides, found?.depth ?? 0);
  if (override !== undefined) {
    const guess = hint ?? newNameHint(override.created);
    return { problem: { ...problem, where: override.variable, hint: guess }, ...behindTheFile };
  }
  if (found === undefined) return { problem, line: 0, column: 0 };
  const { line, column } = found.range;
  const frame = codeFrame(lines, found.range);
  return { problem: { ...problem, where: `${name}:${line}:${column}`, frame }, line, column };
}

/**
 * The override that set the value at a path or, where only overrides made the table around it, one of those.
 * @param depth how many steps of the path the file has.
 */
function responsibleFor(path: Path, overrides: readonly Override[], depth: number): Override | undefined {
  const setter = overrides.findLast((override) => isWithin(path, override.path));
  if (setter !== undefined) return setter;
  for (let length = path.length - 1; length > depth; length--) {
    const table = path.slice(0, length);
    const maker = overrides.findLast((override) => isWithin(override.path, table));
    if (maker !== undefined) return maker;
  }
  return undefined;
}

function newNameHint(created: Override["created"]): string | undefined {
  const near = created && didYouMean(created.name, created.others);
  return near && `"${created.name}" is new there; ${near}`;
}
