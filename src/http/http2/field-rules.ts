import { readDecimal } from "../bytes.ts";
import { fieldIds } from "../field-names.ts";
import { unknownLength } from "../message.ts";
import type { Field } from "./hpack/field.ts";

const connectionFields = new Set<number>([
  fieldIds.connection,
  fieldIds["http2-settings"],
  fieldIds["keep-alive"],
  fieldIds["proxy-connection"],
  fieldIds["transfer-encoding"],
  fieldIds.upgrade,
]);

/** Whether fields of this id are for one connection of HTTP/1 alone, and do not exist here (RFC 9113 section 8.2.2). */
export const isOfConnection = (id: number): boolean => connectionFields.has(id);

/** Whether there is a field that may not be; `TE` may, where it says `trailers`. */
export function hasConnectionField(fields: readonly Field[]): boolean {
  for (const { id, value } of fields)
    if (isOfConnection(id) || (id === fieldIds.te && value.toLowerCase() !== "trailers")) return true;
  return false;
}

/** A text that no value is. */
export const several = "\n";

/**
 * @returns the value of the field with that id; undefined where there is none, {@link several} where there are more.
 */
export function only(fields: readonly Field[], id: number): string | undefined {
  let found: string | undefined;
  for (const field of fields) if (field.id === id) found = found === undefined ? field.value : several;
  return found;
}

/**
 * @param last there is no body.
 * @returns what Content-Length says of it, or `unknownLength`; undefined where it can't be so.
 */
export function lengthOf(fields: readonly Field[], last: boolean): number | undefined {
  const text = only(fields, fieldIds["content-length"]);
  if (text === undefined) return last ? 0 : unknownLength;
  const length = readDecimal(text);
  return length < 0 || (last && length > 0) ? undefined : length;
}
