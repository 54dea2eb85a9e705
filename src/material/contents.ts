import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { basename, dirname } from "node:path";
import { describeReadError, mebibyte, readWhole } from "../lib/read-file.ts";
import { reason } from "../tls/refusal.ts";
import { type Loaded, type PemBlock, parsePem } from "./pem.ts";

const certificateLabels = ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"];

/**
 * Reads the blocks of a PEM file.
 * @param most that it may hold, in bytes.
 * @param given its content, where no file has it.
 */
export async function loadPem(
  file: string,
  most: number = mebibyte,
  given?: string,
): Promise<Loaded<readonly PemBlock[]>> {
  try {
    return parsePem(given === undefined ? await readWhole(file, most) : Buffer.from(given));
  } catch (error) {
    return { problem: describeReadError(error) + adviceFor(file, error) };
  }
}

/** Configurations that are tried out name files that umay makes. */
function adviceFor(file: string, error: unknown): string {
  const absent = (error as NodeJS.ErrnoException).code === "ENOENT";
  const made = ["dev.pem", "dev.key", "dev-ca.pem"].includes(basename(file));
  return absent && made ? `, or run \`umay certs --dir ${dirname(file)}\`, which makes it` : "";
}

/** Something checked, with the text that OpenSSL is to be given: of the blocks that were checked, and of no others. */
export interface Checked<T> {
  readonly value: T;
  /** PEM. */
  readonly pem: string;
}

/** The certificates among blocks, in their order. */
export function readChain(blocks: readonly PemBlock[]): Loaded<Checked<readonly X509Certificate[]>> {
  const own = blocks.filter(({ label }) => certificateLabels.includes(label));
  if (own.length === 0) {
    const swapped = blocks.some(isPrivateKey)
      ? "it holds a private key; are cert and key swapped?"
      : contents(blocks);
    return { problem: `holds no certificate; ${swapped}` };
  }
  const chain: X509Certificate[] = [];
  for (const { text } of own) {
    try {
      chain.push(new X509Certificate(text));
    } catch (error) {
      const which = own.length === 1 ? "a certificate" : `a certificate (number ${chain.length + 1})`;
      return {
        problem: `holds ${which} that can't be read (${reason(error)}); get it again from its issuer`,
      };
    }
  }
  // The text of each as OpenSSL understood it, without a trust setting of its own.
  return { value: { value: chain, pem: chain.map(String).join("") } };
}

/** The certificates that {@link readChain} found, from its PEM text. */
export function certificatesOf(pem: string): readonly X509Certificate[] {
  const blocks = parsePem(Buffer.from(pem));
  const chain = "value" in blocks ? readChain(blocks.value) : blocks;
  return "value" in chain ? chain.value.value : [];
}

/** The first private key among blocks. */
export function readKey(blocks: readonly PemBlock[]): Loaded<Checked<KeyObject>> {
  const own = blocks.find(isPrivateKey);
  if (own === undefined) {
    const swapped = blocks.some(({ label }) => certificateLabels.includes(label))
      ? "it holds a certificate; are cert and key swapped?"
      : contents(blocks);
    return { problem: `holds no private key; ${swapped}` };
  }
  if (own.encrypted || own.label === "ENCRYPTED PRIVATE KEY")
    return {
      problem:
        "is encrypted, and umay can't ask for its passphrase; decrypt it with: openssl pkey -in FILE -out FILE.plain, and protect that by file permissions",
    };
  try {
    return { value: { value: createPrivateKey(own.text), pem: own.text } };
  } catch (error) {
    return { problem: `holds a private key that can't be read (${reason(error)}); export it again` };
  }
}

/** Whether a file still holds what was read from it as this PEM text. One that can't be read does not. */
export async function stillHolds(file: string, pem: string, kind: "chain" | "key"): Promise<boolean> {
  const loaded = await loadPem(file);
  if ("problem" in loaded) return false;
  const own = loaded.value.filter((block) => isPrivateKey(block) === (kind === "key"));
  return own.length > 0 && (kind === "key" ? own[0]!.text : own.map(({ text }) => text).join("")) === pem;
}

const isPrivateKey = ({ label }: PemBlock): boolean => label.endsWith("PRIVATE KEY");

const contents = (blocks: readonly PemBlock[]): string => `it holds ${blocks[0]!.label}`;
