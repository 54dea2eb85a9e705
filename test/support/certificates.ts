import { createPrivateKey } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CreatedCertificate, createCertificate } from "../../src/cli/create-certificate.ts";

/** Paths of a certificate chain and its key. */
export interface CertificatePair {
  readonly cert: string;
  readonly key: string;
}

/** Files of one CA; every leaf covers localhost, 127.0.0.1 and ::1 unless it says otherwise. */
export interface TestCertificates {
  readonly dir: string;
  /** What clients trust. */
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
let made: Promise<TestCertificates> | undefined;

/** One set for the whole test process, in a folder that goes when the process ends. */
export function testCertificates(): Promise<TestCertificates> {
  made ??= make();
  return made;
}

async function make(): Promise<TestCertificates> {
  const dir = mkdtempSync(join(tmpdir(), "umay-certificates-"));
  process.once("exit", () => rmSync(dir, { recursive: true, force: true }));
  const notAfter = new Date(Date.now() + dayMs);
  const yesterday = new Date(Date.now() - dayMs);
  const issuer = await createCertificate({ commonName: "umay test CA", notAfter });
  const write = (name: string, text: string): string => {
    writeFileSync(join(dir, name), text, { mode: 0o600 });
    return join(dir, name);
  };
  const pair = (name: string, leaf: CreatedCertificate): CertificatePair => ({
    cert: write(`${name}.pem`, leaf.cert + issuer.cert),
    key: write(`${name}.key`, leaf.key),
  });
  const server = { commonName: "localhost", names: here, notAfter, issuer };
  const ecdsa = pair("ecdsa", await createCertificate(server));
  const rsa = pair("rsa", await createCertificate({ ...server, algorithm: "rsa" }));
  const old = { ...server, notBefore: new Date(Date.now() - 2 * dayMs), notAfter: yesterday };
  const locked = await createCertificate(server);
  const lockedKey = createPrivateKey(locked.key)
    .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "secret" })
    .toString();
  const otherNames = { commonName: "other.test", names: ["other.test", "*.other.test"] };
  return {
    dir,
    ca: write("ca.pem", issuer.cert),
    ecdsa,
    rsa,
    expired: pair("expired", await createCertificate(old)),
    otherName: pair("other-name", await createCertificate({ ...server, ...otherNames })),
    encryptedKey: pair("encrypted-key", { ...locked, key: lockedKey }),
    mismatched: { cert: ecdsa.cert, key: rsa.key },
  };
}
