import { inPieces } from "./long-text.ts";

/** Becomes an object of JSON, whose members are made one after the other. */
export class Members<T> {
  readonly each: () => Iterable<readonly [string, T]>;

  constructor(each: () => Iterable<readonly [string, T]>) {
    this.each = each;
  }
}

/** Becomes an array of JSON, whose items are made one after the other. */
export class Items {
  readonly each: () => Iterable<unknown>;

  constructor(each: () => Iterable<unknown>) {
    this.each = each;
  }
}

/** So deep below the top a value is written at once. */
const deepest = 4;

/** `JSON.stringify` with an indent of some spaces, in pieces. @param value plain data, with {@link Members} and {@link Items} in it. */
export const longJson = (value: object, indent: number): AsyncIterable<string> =>
  inPieces(
    (function* () {
      yield* write(value, " ".repeat(indent), 0);
      yield "\n";
    })(),
  );

function* write(value: unknown, step: string, depth: number): Generator<string> {
  if (depth === deepest || typeof value !== "object" || value === null) {
    const text = JSON.stringify(value, undefined, step);
    yield text.includes("\n") ? text.replaceAll("\n", `\n${step.repeat(depth)}`) : text;
    return;
  }
  const [open, close] = Array.isArray(value) || value instanceof Items ? "[]" : "{}";
  const line = `\n${step.repeat(depth + 1)}`;
  let before: string = open!;
  for (const [key, member] of membersOf(value)) {
    if (member === undefined) continue;
    yield key === undefined ? `${before}${line}` : `${before}${line}${JSON.stringify(key)}: `;
    yield* write(member, step, depth + 1);
    before = ",";
  }
  yield before === open ? `${open}${close}` : `\n${step.repeat(depth)}${close}`;
}

function membersOf(value: object): Iterable<readonly [string | undefined, unknown]> {
  if (value instanceof Members) return value.each();
  if (value instanceof Items) return unnamed(value.each());
  return Array.isArray(value) ? unnamed(value) : Object.entries(value);
}

const unnamed = (items: Iterable<unknown>): Iterable<readonly [undefined, unknown]> =>
  Iterator.from(items).map((item) => [undefined, item ?? null] as const);
