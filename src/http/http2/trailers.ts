import type { Fields } from "../message.ts";
import { FieldList } from "./field-list.ts";
import { hasConnectionField } from "./field-rules.ts";
import type { HeaderBlock } from "./header-block.ts";

/** Reads the fields behind a body (RFC 9113 section 8.1). @returns undefined: they are malformed, or too many. */
export function readTrailers(block: HeaderBlock): Fields | undefined {
  const isSound = !block.malformed && !block.tooLarge && !block.hasPseudo && !block.underscored;
  return isSound && !hasConnectionField(block) ? new FieldList(block.fields) : undefined;
}
