/**
 * Every value that differs from another in one place: each with another value in that place, an element less, or a key that
 * the original has not. With the place, for messages.
 */
export function* altered<T>(value: T, path = ""): Generator<readonly [path: string, other: T]> {
  for (const [where, other] of alteredUnknown(value, path)) yield [where, other as T];
}

function* alteredUnknown(value: unknown, path: string): Generator<readonly [string, unknown]> {
  if (Array.isArray(value)) {
    if (value.length > 0) yield [`${path}.length`, value.slice(1)];
    for (const [index, element] of value.entries())
      for (const [where, other] of alteredUnknown(element, `${path}[${index}]`))
        yield [where, value.with(index, other)];
  } else if (value instanceof Uint8Array) yield [path, Buffer.concat([value, Buffer.of(0)])];
  else if (typeof value === "object" && value !== null) {
    yield [`${path}.another`, { ...value, another: 1 }];
    for (const [key, part] of Object.entries(value))
      for (const [where, other] of alteredUnknown(part, `${path}.${key}`))
        yield [where, { ...value, [key]: other }];
  } else yield [path, otherThan(value)];
}

function otherThan(value: unknown): unknown {
  if (typeof value === "boolean") return !value;
  return typeof value === "number" ? value + 1 : `${String(value)}x`;
}
