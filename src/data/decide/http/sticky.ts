import { createHash } from "node:crypto";
import type { Sticky } from "../../../model/http/route.ts";

/** In bytes: enough to tell backends apart, too few to tell their addresses. */
const valueBytes = 8;

/**
 * The value of a cookie that stands for a backend. All machines with the same configuration agree on it, so that nothing
 * has to be stored. Made once for each backend.
 */
export function stickyValue(pool: string, backend: string): string {
  return createHash("sha256")
    .update(`${pool}\0${backend}`)
    .digest()
    .subarray(0, valueBytes)
    .toString("base64url");
}

/** Whether a text may be such a value: an old cookie of somebody else's is none. */
export const isStickyValue = (text: string): boolean => /^[\w-]{11}$/.test(text);

/** A value of a backend's, with that of the backend itself in front of it. */
export const wrapSticky = (value: string, own: string): string => `${value}.${own}`;

/** @returns undefined where the text is not one that {@link wrapSticky} made. */
export function unwrapSticky(text: string): { readonly value: string; readonly own: string } | undefined {
  const dot = text.indexOf(".");
  const value = text.slice(0, Math.max(0, dot));
  return isStickyValue(value) ? { value, own: text.slice(dot + 1) } : undefined;
}

/** The field Set-Cookie (RFC 6265 section 4.1). @param secure whether the client came over TLS. */
export function stickyCookie({ cookie, sameSite, maxAge }: Sticky, value: string, secure: boolean): string {
  const parts = [`${cookie}=${value}`, "Path=/", "HttpOnly", `SameSite=${sameSiteWords[sameSite]}`];
  if (secure) parts.push("Secure");
  if (maxAge !== undefined) parts.push(`Max-Age=${Math.floor(maxAge / 1_000)}`);
  return parts.join("; ");
}

const sameSiteWords = { lax: "Lax", strict: "Strict", none: "None" } as const;
