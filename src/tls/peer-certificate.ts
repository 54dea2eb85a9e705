import { createHash, type X509Certificate } from "node:crypto";

/** Kinds of subject alternative names (RFC 5280 section 4.2.1.6), as OpenSSL names them. */
export type AlternativeNameKind = "DNS" | "URI" | "IP Address";

/**
 * The subject alternative names of a kind. Node writes all of them into one text, with those in quotes, as in JSON,
 * that have a character which could be taken for the text's own: a name never becomes two.
 */
export function alternativeNames(
  { subjectAltName = "" }: Pick<X509Certificate, "subjectAltName">,
  kind: AlternativeNameKind,
): string[] {
  const names: string[] = [];
  for (const [, type, name = ""] of subjectAltName.matchAll(
    /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/gy,
  ))
    if (type === kind) names.push(name.startsWith('"') ? (JSON.parse(name) as string) : name);
  return names;
}

/** @param pattern a URI; `/*` at its end stands for every path below. */
export function uriMatches(pattern: string, uri: string): boolean {
  return pattern.endsWith("/*") ? uri.startsWith(pattern.slice(0, -1)) : uri === pattern;
}

/** SHA-256 of a certificate's public key (SubjectPublicKeyInfo, as in RFC 7469 section 2.4), base64. */
export function pinOf({ publicKey }: Pick<X509Certificate, "publicKey">): string {
  return createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("base64");
}
