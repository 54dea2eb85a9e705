import { errorAt, type Finding, type Path, warningAt } from "../../../lib/findings.ts";
import { didYouMean } from "../../../lib/suggest.ts";
import { type Entry, Node, type UnknownExtension, type Value } from "../node.ts";
import { typeOfAny } from "../schema/registry.ts";
import type { EnumType, Field, MessageType, Scalar } from "../schema/table.ts";

type Report = (finding: Finding) => void;

/** Messages are nested no deeper than this. */
const deepest = 64;

/**
 * Reads a message from a tree of YAML or JSON (protobuf's JSON form), with what Envoy's own reader allows beside that: names
 * in snake_case or camelCase, enums in any case, one value where a list belongs. A field that can't be read is reported and left
 * out.
 * @param unknown what fields are that the table does not have.
 */
export function readMessage(
  type: MessageType,
  tree: unknown,
  path: Path,
  report: Report,
  unknown: "error" | "warning" = "error",
): Node {
  return new MessageReader(report, unknown).message(type, tree, path);
}

const fails = Symbol("fails");

class MessageReader {
  readonly #report: Report;
  readonly #unknown: "error" | "warning";

  constructor(report: Report, unknown: "error" | "warning") {
    this.#report = report;
    this.#unknown = unknown;
  }

  message(type: MessageType, tree: unknown, path: Path): Node {
    const entries = new Map<string, Entry>();
    if (!isObject(tree))
      this.#report(errorAt(path, `expected a message (${type.name}), got ${describe(tree)}`));
    else if (path.length > deepest) this.#report(errorAt(path, "is nested too deeply"));
    else
      for (const [key, value] of Object.entries(tree)) {
        if (key === "@type" || value === null) continue;
        this.#entry(type, key, value, [...path, key], entries);
      }
    return new Node(type, path, entries);
  }

  #entry(type: MessageType, key: string, tree: unknown, path: Path, entries: Map<string, Entry>): void {
    const field = type.fields.get(key) ?? type.fields.get(snakeCase(key));
    if (field === undefined) {
      const message = `${type.name} has no such field`;
      const finding = this.#unknown === "error" ? errorAt(path, message) : warningAt(path, message);
      this.#report({ ...finding, at: "key", hint: didYouMean(snakeCase(key), type.fields.keys()) });
      return;
    }
    const { treatment, why } = field;
    if (treatment === "refused") this.#report({ ...errorAt(path, why), at: "key" });
    if (treatment === "warned") this.#report({ ...warningAt(path, `has no effect: ${why}`), at: "key" });
    if (treatment !== "mapped") return;
    const value = this.#field(field, tree, path);
    if (value !== fails) entries.set(field.name, { value, key });
  }

  #field(field: Field, tree: unknown, path: Path): Value | typeof fails {
    if (field.map) {
      if (!isObject(tree)) return this.#wrong(path, "a map", tree);
      const values = Object.entries(tree).map(
        ([key, value]) => [key, this.#single(field.type, value, [...path, key])] as const,
      );
      return new Map(values.filter((entry): entry is [string, Value] => entry[1] !== fails));
    }
    if (!field.repeated) return this.#single(field.type, tree, path);
    const list = Array.isArray(tree) ? tree : [tree];
    const values = list.map((value, index) =>
      this.#single(field.type, value, Array.isArray(tree) ? [...path, index] : path),
    );
    return values.filter((value): value is Value => value !== fails);
  }

  #single(type: Field["type"], tree: unknown, path: Path): Value | typeof fails {
    if (typeof type === "string")
      return type === "any" ? this.#any(tree, path) : this.#scalar(type, tree, path);
    return type.kind === "enum" ? this.#enum(type, tree, path) : this.message(type, tree, path);
  }

  #any(tree: unknown, path: Path): Node | UnknownExtension | typeof fails {
    // An empty one says no more than none does.
    if (isObject(tree) && Object.keys(tree).length === 0) return fails;
    const url = isObject(tree) ? tree["@type"] : undefined;
    if (typeof url !== "string") return this.#wrong([...path, "@type"], "the type's URL", url);
    const type = typeOfAny(url);
    return type === undefined ? { url, path } : this.message(type, tree, path);
  }

  #enum({ values }: EnumType, tree: unknown, path: Path): string | typeof fails {
    for (const [name, number] of values)
      if (number === tree || (typeof tree === "string" && name.toLowerCase() === tree.toLowerCase()))
        return name;
    const names = [...values.keys()];
    const hint = typeof tree === "string" ? didYouMean(tree, names) : undefined;
    this.#report(errorAt(path, `expected one of ${names.join(", ")}, got ${describe(tree)}`, hint));
    return fails;
  }

  #scalar(type: Scalar, tree: unknown, path: Path): Value | typeof fails {
    switch (type) {
      case "string":
      case "StringValue":
        if (typeof tree === "string") return tree;
        return this.#wrong(path, "a text (put it in quotes)", tree);
      case "bool":
      case "BoolValue":
        return typeof tree === "boolean" ? tree : this.#wrong(path, "true or false", tree);
      case "bytes":
      case "BytesValue":
        return isBase64(tree) ? Buffer.from(tree, "base64") : this.#wrong(path, "base64", tree);
      case "duration":
        return readDuration(tree) ?? this.#wrong(path, 'a duration in seconds, such as "0.25s"', tree);
      case "struct":
      case "message":
        return isObject(tree) ? JSON.stringify(tree) : this.#wrong(path, "a message", tree);
      default:
        return readNumber(type, tree) ?? this.#wrong(path, `a number (${type})`, tree);
    }
  }

  #wrong(path: Path, expected: string, got: unknown): typeof fails {
    this.#report(
      errorAt(
        path,
        got === undefined ? `is missing; expected ${expected}` : `expected ${expected}, got ${describe(got)}`,
      ),
    );
    return fails;
  }
}

const isObject = (tree: unknown): tree is Readonly<Record<string, unknown>> =>
  typeof tree === "object" && tree !== null && !Array.isArray(tree);

const isBase64 = (tree: unknown): tree is string =>
  typeof tree === "string" && /^[A-Za-z0-9+/_-]*={0,2}$/.test(tree);

/** A duration in milliseconds (protobuf's JSON form: seconds with an s). */
function readDuration(tree: unknown): number | undefined {
  const [, seconds] = (typeof tree === "string" && /^(-?\d{1,12}(?:\.\d{1,9})?)s$/.exec(tree)) || [];
  return seconds === undefined ? undefined : Math.round(Number(seconds) * 1000);
}

function readNumber(type: Scalar, tree: unknown): number | undefined {
  const number =
    typeof tree === "string" && /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(tree) ? Number(tree) : tree;
  if (typeof number !== "number" || !Number.isFinite(number)) return undefined;
  if (/double|float/i.test(type)) return number;
  if (!Number.isSafeInteger(number)) return undefined;
  const low = /^uint/i.test(type) ? 0 : type.includes("32") ? -(2 ** 31) : Number.MIN_SAFE_INTEGER;
  const high = /^uint32/i.test(type)
    ? 2 ** 32 - 1
    : type.includes("32")
      ? 2 ** 31 - 1
      : Number.MAX_SAFE_INTEGER;
  return number >= low && number <= high ? number : undefined;
}

const snakeCase = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "a table";
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
