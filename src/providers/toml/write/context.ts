/** The state that the parts of writing share. */
export class Writing {
  /** Things that TOML can't say. */
  readonly omitted: string[] = [];
  readonly #names = new Map<string, string>();

  omit(what: string): void {
    if (!this.omitted.includes(what)) this.omitted.push(what);
  }

  /** A name that TOML's tables may have, the same for the same text, and for no other. */
  name(text: string): string {
    const known = this.#names.get(text);
    if (known !== undefined) return known;
    const plain = text.replaceAll(/[^A-Za-z0-9_-]+/g, "-").replaceAll(/^-+|-+$/g, "") || "unnamed";
    const taken = new Set(this.#names.values());
    let name = plain;
    for (let number = 2; taken.has(name); number++) name = `${plain}-${number}`;
    this.#names.set(text, name);
    return name;
  }
}

/** In milliseconds; `1h`, `30s`, `250ms`. */
export function duration(ms: number): string {
  for (const [unit, size] of [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["m", 60_000],
    ["s", 1_000],
  ] as const)
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  return `${ms}ms`;
}

/** A table without the keys that have no value; undefined where none is left. */
export function table<T extends object>(values: T): T | undefined {
  const left = Object.entries(values).filter(([, value]) => value !== undefined);
  return left.length === 0 ? undefined : (Object.fromEntries(left) as T);
}

/** A list; undefined where it is empty. */
export const list = <T>(values: readonly T[]): readonly T[] | undefined =>
  values.length === 0 ? undefined : values;
