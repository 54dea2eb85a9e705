import { createPrivateKey } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CreatedCertificate } from "../../src/cli/create-certificate.ts";

/** Paths of a certificate chain and its key. */
export interface CertificatePair {
  readonly cert: string;
  readonly key: string;
}

/** Files of one CA; every leaf covers localhost, 127.0.0.1 and ::1 unless it says otherwise. */
export interface TestCertificates {
  readonly dir: string;
  /** The authority that clients trust. */
  readonly ca: string;
  readonly ecdsa: CertificatePair;
  readonly rsa: CertificatePair;
  /** Expired yesterday. */
  readonly expired: CertificatePair;
  /** Covers other.test and *.other.test only. */
  readonly otherName: CertificatePair;
  /** Its key is encrypted with the passphrase `secret`. */
  readonly encryptedKey: CertificatePair;
  /** The certificate of `ecdsa` with another's key. */
  readonly mismatched: CertificatePair;
}

const dayMs = 86_400_000;
const here = ["localhost", "127.0.0.1", "::1"];
let found: Promise<TestCertificates> | undefined;

/**
 * One set for the whole run, which `run.ts` makes and names in TEST_CERTIFICATES: making it, and loading what makes it,
 * takes longer than most tests. No test may change a file of it. A test process that was started by hand makes its own,
 * in a folder that goes when the process ends.
 */
export function testCertificates(): Promise<TestCertificates> {
  const dir = process.env["TEST_CERTIFICATES"];
  found ??= dir === undefined ? makeForProcess() : Promise.resolve(certificatesOf(dir));
  return found;
}

async function makeForProcess(): Promise<TestCertificates> {
  const dir = mkdtempSync(join(tmpdir(), "umay-certificates-"));
  process.once("exit", () => rmSync(dir, { recursive: true, force: true }));
  await makeCertificates(dir);
  return certificatesOf(dir);
}

function certificatesOf(dir: string): TestCertificates {
  const pair = (name: string): CertificatePair => ({
    cert: join(dir, `${name}.pem`),
    key: join(dir, `${name}.key`),
  });
  const ecdsa = pair("ecdsa");
  const rsa = pair("rsa");
  return {
    dir,
    ca: join(dir, "ca.pem"),
    ecdsa,
    rsa,
    expired: pair("expired"),
    otherName: pair("other-name"),
    encryptedKey: pair("encrypted-key"),
    mismatched: { cert: ecdsa.cert, key: rsa.key },
  };
}

/** Writes the files of a set, good for a day, into this folder. */
export async function makeCertificates(dir: string): Promise<void> {
  const { createCertificate } = await import("../../src/cli/create-certificate.ts");
  const notAfter = new Date(Date.now() + dayMs);
  const yesterday = new Date(Date.now() - dayMs);
  const issuer = await createCertificate({ commonName: "umay test CA", notAfter });
  const { ca, ecdsa, rsa, expired, otherName, encryptedKey } = certificatesOf(dir);
  const write = (path: string, text: string): void => writeFileSync(path, text, { mode: 0o600 });
  const writePair = (
    { cert, key }: CertificatePair,
    leaf: Pick<CreatedCertificate, "cert" | "key">,
  ): void => {
    write(cert, leaf.cert + issuer.cert);
    write(key, leaf.key);
  };
  const server = { commonName: "localhost", names: here, notAfter, issuer };
  write(ca, issuer.cert);
  writePair(ecdsa, await createCertificate(server));
  writePair(rsa, await createCertificate({ ...server, algorithm: "rsa" }));
  const old = { ...server, notBefore: new Date(Date.now() - 2 * dayMs), notAfter: yesterday };
  writePair(expired, await createCertificate(old));
  const otherNames = { commonName: "other.test", names: ["other.test", "*.other.test"] };
  writePair(otherName, await createCertificate({ ...server, ...otherNames }));
  const locked = await createCertificate(server);
  const lockedKey = createPrivateKey(locked.key)
    .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "secret" })
    .toString();
  writePair(encryptedKey, { cert: locked.cert, key: lockedKey });
}
