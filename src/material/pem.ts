import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { describeReadError } from "../lib/read-file.ts";
import { reason } from "../tls/refusal.ts";

/** What a file holds, or why it is of no use, as the end of a sentence that begins with the file. */
export type Loaded<T> = { readonly value: T } | { readonly problem: string };

/** Reads a PEM file. Text around the PEM blocks is allowed (RFC 7468 section 2). */
export async function loadPem(file: string): Promise<Loaded<string>> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    return { problem: describeReadError(error) };
  }
  const text = bytes.toString("latin1");
  if (text.trim() === "") return { problem: "is empty; it must hold PEM text (-----BEGIN …-----)" };
  const last = text.lastIndexOf("-----BEGIN ");
  if (last !== -1 && !text.includes("-----END ", last))
    return {
      problem:
        "is cut short: its last -----BEGIN …----- has no -----END …-----; if nobody is writing it, get it again",
    };
  if (/-----BEGIN [^-]+-----/.test(text)) return { value: text };
  // A DER certificate or key is an ASN.1 SEQUENCE with a two-byte length.
  const convert =
    "convert it, for example with: openssl x509 -inform DER (or openssl pkey, openssl crl) -in FILE -out FILE.pem";
  if (bytes[0] === 0x30 && bytes[1] === 0x82) return { problem: `is DER and not PEM; ${convert}` };
  return { problem: "is not PEM: it has no -----BEGIN …----- line; export it as PEM" };
}

/** The blocks of a PEM text whose label matches this regular expression. */
export function pemBlocks(pem: string, label: string): readonly string[] {
  return pem.match(new RegExp(`-----BEGIN ${label}-----[^-]*-----END ${label}-----`, "g")) ?? [];
}

/** The certificates of a chain, leaf first. */
export function readChain(pem: string): Loaded<X509Certificate[]> {
  const blocks = pemBlocks(pem, "(?:TRUSTED |X509 )?CERTIFICATE");
  if (blocks.length === 0) {
    const swapped = pem.includes("PRIVATE KEY-----")
      ? "it holds a private key; are cert and key swapped?"
      : found(pem);
    return { problem: `holds no certificate; ${swapped}` };
  }
  const chain: X509Certificate[] = [];
  for (const block of blocks) {
    try {
      chain.push(new X509Certificate(block));
    } catch (error) {
      const which = blocks.length === 1 ? "a certificate" : `a certificate (number ${chain.length + 1})`;
      return {
        problem: `holds ${which} that can't be read (${reason(error)}); get it again from its issuer`,
      };
    }
  }
  return { value: chain };
}

/** The first private key of a file. */
export function readKey(pem: string): Loaded<KeyObject> {
  if (!pem.includes("PRIVATE KEY-----")) {
    const swapped = pem.includes("CERTIFICATE-----")
      ? "it holds a certificate; are cert and key swapped?"
      : found(pem);
    return { problem: `holds no private key; ${swapped}` };
  }
  if (pem.includes("ENCRYPTED PRIVATE KEY-----") || /^Proc-Type: 4,ENCRYPTED/m.test(pem))
    return {
      problem:
        "is encrypted, and umay can't ask for its passphrase; decrypt it with: openssl pkey -in FILE -out FILE.plain, and protect that by file permissions",
    };
  try {
    return { value: createPrivateKey(pem) };
  } catch (error) {
    return { problem: `holds a private key that can't be read (${reason(error)}); export it again` };
  }
}

function found(pem: string): string {
  return `it holds ${/-----BEGIN ([^-]+)-----/.exec(pem)![1]}`;
}
