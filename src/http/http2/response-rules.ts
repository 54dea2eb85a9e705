import { readDecimal } from "../bytes.ts";
import { isBodiless } from "../framing.ts";
import type { ResponseHead } from "../message.ts";
import { FieldList } from "./field-list.ts";
import { hasConnectionField, lengthOf } from "./field-rules.ts";
import type { HeaderBlock } from "./header-block.ts";
import { pseudo } from "./hpack/field.ts";

/**
 * Reads the head of a response (RFC 9113 section 8.3.2), which must not be too large.
 * @param method of the request. @param last there is no body.
 * @returns undefined: it is malformed.
 */
export function readResponse(block: HeaderBlock, last: boolean, method: string): ResponseHead | undefined {
  const status = statusOf(block);
  if (status === undefined || block.malformed || hasConnectionField(block)) return undefined;
  const fields = new FieldList(block.fields);
  if (method === "HEAD" || isBodiless(status)) return { status, phrase: "", fields, length: 0 };
  const length = lengthOf(block, last);
  return length === undefined ? undefined : { status, phrase: "", fields, length };
}

/** @returns the status, where it is the only `:`-name; 101 does not exist in HTTP/2 (RFC 9113 section 8.6). */
function statusOf({ pseudo: found }: HeaderBlock): number | undefined {
  const text = found[pseudo.status];
  if (text === undefined || text.length !== 3) return undefined;
  for (let kind = 0; kind < found.length; kind++)
    if (kind !== pseudo.status && found[kind] !== undefined) return undefined;
  const status = readDecimal(text);
  return status < 100 || status === 101 ? undefined : status;
}
