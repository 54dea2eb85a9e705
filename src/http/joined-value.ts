import { fieldIdOf } from "./field-names.ts";
import type { Fields } from "./message.ts";

/** The first field of a name. @param lower in lower case. @returns undefined where there is none. */
export function firstValue(fields: Fields, lower: string): string | undefined {
  const index = fields.findName(lower);
  return index < 0 ? undefined : fields.value(index);
}

/**
 * All fields of a name as one (RFC 9110 section 5.3).
 * @param lower in lower case. @returns their values with ", " between them; undefined where there is none.
 */
export function joinedValue(fields: Fields, lower: string): string | undefined {
  const id = fieldIdOf(lower);
  const next = (from: number): number => (id > 0 ? fields.find(id, from) : fields.findName(lower, from));
  let index = next(0);
  if (index < 0) return undefined;
  let text = fields.value(index);
  for (index = next(index + 1); index >= 0; index = next(index + 1)) text += `, ${fields.value(index)}`;
  return text;
}
