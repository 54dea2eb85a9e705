/** A wildcard of a certificate covers one label (RFC 6125 section 6.4.3). */
export function isCovered(host: string, names: ReadonlySet<string>): boolean {
  const dot = host.indexOf(".");
  return (
    names.has(host) ||
    (dot > 0 && names.has(`*${host.slice(dot)}`)) ||
    names.has(host.replace(/^\[|\]$/g, ""))
  );
}
