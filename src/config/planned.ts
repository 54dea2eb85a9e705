import { errorAt, type Finding, type Path } from "./errors.ts";
import { isTable, type Tree, valueAt } from "./tree.ts";

/*
 * What the configuration will have and this version does not support yet. Rejected by name, so that nobody believes
 * it works. When a feature lands, its lines go. `*` is any name.
 */
const plannedKeys = ["pools.*.slow_start"];

const plannedValues = [
  { key: "listeners.*.mode", values: ["http"], judges: "itself" },
  { key: "pools.*.picker", values: ["peak-ewma"], judges: "itself" },
  { key: "pools.*.picker.type", values: ["peak-ewma"], judges: "its table" },
];

/** A part of the configuration that can't be judged, because it needs what is not supported yet. */
interface Planned {
  readonly finding: Finding;
  /** What to leave out of all further checks: the key, or the table whose other keys its value gives their meaning. */
  readonly unchecked: Path;
}

/** Everything in a configuration that is planned and not supported yet. */
export function findPlanned(tree: Tree): Planned[] {
  const keys = plannedKeys
    .flatMap((pattern) => matches(tree, pattern.split(".")))
    .map((path) => ({ finding: notSupported(path, "key"), unchecked: path }));
  const values = plannedValues.flatMap(({ key, values, judges }) =>
    matches(tree, key.split("."))
      .filter((path) => values.includes(valueAt(tree, path) as string))
      .map((path) => ({
        finding: notSupported(path, "value"),
        unchecked: judges === "itself" ? path : path.slice(0, -1),
      })),
  );
  return [...keys, ...values];
}

/** Everything planned, as documentation names it. */
export function listPlanned(): string[] {
  const values = plannedValues.map(
    ({ key, values }) => `${key} = ${values.map((value) => `"${value}"`).join(", ")}`,
  );
  return [...plannedKeys, ...values].map((text) => text.replace("*", "<name>"));
}

/** The planned keys of the table at a path. */
export function plannedKeysOf(path: Path): string[] {
  return plannedKeys.flatMap((pattern) => {
    const steps = pattern.split(".");
    const fits =
      steps.length === path.length + 1 && path.every((step, i) => steps[i] === "*" || steps[i] === step);
    return fits ? [steps.at(-1)!] : [];
  });
}

function notSupported(path: Path, at: "key" | "value"): Finding {
  const what = at === "key" ? "this key" : "this value";
  return { ...errorAt(path, `${what} is planned, but not supported yet; remove it`), at };
}

function matches(tree: Tree, pattern: readonly string[]): Path[] {
  const [step, ...rest] = pattern;
  if (step === undefined) return [[]];
  const keys = step === "*" ? Object.keys(tree) : Object.hasOwn(tree, step) ? [step] : [];
  return keys.flatMap((key) => {
    const value = tree[key];
    const paths = isTable(value) ? matches(value, rest) : rest.length === 0 ? [[]] : [];
    return paths.map((path) => [key, ...path]);
  });
}
