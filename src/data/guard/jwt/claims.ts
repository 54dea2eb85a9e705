import { bytesOf } from "../../../lib/byte-text.ts";
import type { ClaimRule } from "../../../model/http/guard.ts";

/** The content of a token (RFC 7519 section 4). */
export type Claims = Readonly<Record<string, unknown>>;

/** A claim by its name; where there is none of that name, dots lead into objects: `realm_access.roles`. */
function claimOf(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (const step of name.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Claims)[step];
  }
  return value;
}

/** Lists of words in one text (RFC 8693 section 4.2, and what others call it). */
const wordLists = new Set(["scope", "scp"]);

function textsOf(value: unknown, name: string): string[] {
  if (Array.isArray(value)) return value.flatMap((each) => textOf(each) ?? []);
  const text = textOf(value);
  if (text === undefined) return [];
  return wordLists.has(name) ? text.split(" ") : [text];
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string"
    ? value
    : typeof value === "number" || typeof value === "boolean"
      ? String(value)
      : undefined;
}

/** A claim as one value for a field, a list joined by commas: a character per byte; empty where there is none. */
export const claimText = (claims: Claims, name: string): string =>
  bytesOf(textsOf(claimOf(claims, name), "").join(","));

/** The first rule that does not hold. */
export const brokenRule = (claims: Claims, rules: readonly ClaimRule[]): ClaimRule | undefined =>
  rules.find(({ name, values }) => {
    const texts = textsOf(claimOf(claims, name), name);
    return !values.some((value) => texts.includes(value));
  });
