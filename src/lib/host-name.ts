/**
 * The one spelling of a host name: lower case (RFC 4343), without the dot at its end, which certificates, SNI (RFC 6066
 * section 3) and names that are compared do not have.
 */
export function canonicalName(name: string): string {
  const lower = name.toLowerCase();
  return lower.endsWith(".") ? lower.slice(0, -1) : lower;
}
