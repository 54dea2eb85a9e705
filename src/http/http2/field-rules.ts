import { readDecimal } from "../bytes.ts";
import { fieldIds } from "../field-names.ts";
import { unknownLength } from "../message.ts";
import type { HeaderBlock } from "./header-block.ts";

/** For one connection of HTTP/1 alone: they do not exist here (RFC 9113 section 8.2.2). */
const connectionFields: readonly number[] = [
  fieldIds.connection,
  fieldIds["http2-settings"],
  fieldIds["keep-alive"],
  fieldIds["proxy-connection"],
  fieldIds["transfer-encoding"],
  fieldIds.upgrade,
];

/** Whether there is a field that may not be; `TE` may, where it says `trailers`. */
export function hasConnectionField(block: HeaderBlock): boolean {
  for (const id of connectionFields) if (block.count(id) > 0) return true;
  if (block.count(te) === 0) return false;
  return block.fields.some(({ id, value }) => id === te && value.toLowerCase() !== "trailers");
}

/**
 * @param last there is no body.
 * @returns what Content-Length says of it, or `unknownLength`; undefined where it can't be so.
 */
export function lengthOf(block: HeaderBlock, last: boolean): number | undefined {
  const text = block.only(contentLength);
  if (text === undefined) return last ? 0 : unknownLength;
  const length = readDecimal(text);
  return length < 0 || (last && length > 0) ? undefined : length;
}

const { "content-length": contentLength, te } = fieldIds;
