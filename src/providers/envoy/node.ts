import type { Path } from "../../lib/findings.ts";
import type { MessageType } from "./schema/table.ts";

/** An `Any` of a type that umay does not know. */
export interface UnknownExtension {
  readonly url: string;
  readonly path: Path;
}

/** The value of a field: see {@link Node}. */
export type Value =
  | string
  | number
  | boolean
  | Buffer
  | Node
  | UnknownExtension
  | readonly Value[]
  | ReadonlyMap<string, Value>;

/** A value with the name that its field has where it came from: `filterChains` for `filter_chains`. */
export interface Entry {
  readonly value: Value;
  readonly key: string;
}

/**
 * A message, as a file or a control plane sent it, checked against its table. Names are those of the table; one that the table
 * does not have is a defect. Durations are in milliseconds, enums are names, bytes are buffers.
 */
export class Node {
  readonly type: MessageType;
  /** Where it came from, in the spelling of its source. */
  readonly path: Path;
  readonly #entries: ReadonlyMap<string, Entry>;

  constructor(type: MessageType, path: Path, entries: ReadonlyMap<string, Entry>) {
    this.type = type;
    this.path = path;
    this.#entries = entries;
  }

  /** Whether the field is there. */
  has(name: string): boolean {
    return this.#value(name) !== undefined;
  }

  /** The first of these fields that is there: of a `oneof` there is one at most. */
  which<Name extends string>(...names: readonly Name[]): Name | undefined {
    return names.find((name) => this.has(name));
  }

  /** Where the field is, or would be. */
  at(name: string): Path {
    return [...this.path, this.#entries.get(name)?.key ?? name];
  }

  /** Empty where it is not there. */
  text(name: string): string {
    return (this.#value(name) as string | undefined) ?? "";
  }

  number(name: string): number | undefined {
    return this.#value(name) as number | undefined;
  }

  flag(name: string): boolean | undefined {
    return this.#value(name) as boolean | undefined;
  }

  bytes(name: string): Buffer | undefined {
    return this.#value(name) as Buffer | undefined;
  }

  node(name: string): Node | undefined {
    return this.#value(name) as Node | undefined;
  }

  extension(name: string): Node | UnknownExtension | undefined {
    return this.#value(name) as Node | UnknownExtension | undefined;
  }

  nodes(name: string): readonly Node[] {
    return (this.#value(name) as readonly Node[] | undefined) ?? [];
  }

  texts(name: string): readonly string[] {
    return (this.#value(name) as readonly string[] | undefined) ?? [];
  }

  numbers(name: string): readonly number[] {
    return (this.#value(name) as readonly number[] | undefined) ?? [];
  }

  map(name: string): ReadonlyMap<string, Node | UnknownExtension> {
    return (this.#value(name) as ReadonlyMap<string, Node | UnknownExtension> | undefined) ?? new Map();
  }

  /** A map whose values are texts, or structs in JSON. */
  mapOfTexts(name: string): ReadonlyMap<string, string> {
    return (this.#value(name) as ReadonlyMap<string, string> | undefined) ?? new Map();
  }

  /** Contents of a repeated field of bytes. */
  blocks(name: string): readonly Buffer[] {
    return (this.#value(name) as readonly Buffer[] | undefined) ?? [];
  }

  /** This message, and all that are in it, however deep. */
  *all(): Generator<Node> {
    yield this;
    for (const { value } of this.#entries.values()) yield* nodesIn(value);
  }

  /** Its fields that are there, with their values. */
  *entries(): Generator<readonly [name: string, value: Value]> {
    for (const [name, { value }] of this.#entries) yield [name, value];
  }

  /** The extensions in it that umay does not know, however deep. */
  *unknown(): Generator<UnknownExtension> {
    for (const { value } of this.#entries.values()) yield* unknownIn(value);
  }

  /** The last part of its message's name: `Router`. */
  get kind(): string {
    return this.type.name.slice(this.type.name.lastIndexOf(".") + 1);
  }

  #value(name: string): Value | undefined {
    if (this.type.fields.get(name)?.treatment !== "mapped")
      throw new Error(`${this.type.name} has no mapped field ${name}`);
    return this.#entries.get(name)?.value;
  }
}

function* unknownIn(value: Value): Generator<UnknownExtension> {
  if (value instanceof Node) yield* value.unknown();
  else if (value instanceof Map) for (const each of value.values()) yield* unknownIn(each as Value);
  else if (Array.isArray(value)) for (const each of value) yield* unknownIn(each as Value);
  else if (typeof value === "object" && "url" in value) yield value;
}

function* nodesIn(value: Value): Generator<Node> {
  if (value instanceof Node) yield* value.all();
  else if (value instanceof Map) for (const each of value.values()) yield* nodesIn(each);
  else if (Array.isArray(value)) for (const each of value) yield* nodesIn(each);
}
