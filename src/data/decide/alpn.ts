/**
 * The application protocol that a handshake agrees on. OpenSSL decides so: the server's order counts, and a client that
 * offers nothing gets nothing (RFC 7301 section 3.2).
 * @param known in the server's order.
 * @returns empty: none; undefined: the handshake fails with `no_application_protocol`.
 */
export function agreedProtocol(known: readonly string[], offered: readonly string[]): string | undefined {
  if (known.length === 0 || offered.length === 0) return "";
  return known.find((name) => offered.includes(name));
}
