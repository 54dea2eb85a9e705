import { createPrivateKey, X509Certificate } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";

/** Paths of the files in a folder: the CA to trust, the leaf with its chain, and the leaf's key. */
export interface DevFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface DevCertificates {
  readonly files: DevFiles;
  readonly created: boolean;
  readonly notAfter: Date;
  /** The names that the leaf covers, as `DNS:localhost, IP Address:127.0.0.1`. */
  readonly names: string;
}

export interface DevOptions {
  /** Names to cover besides localhost, 127.0.0.1 and ::1. */
  readonly names?: readonly string[];
  /** Default: 824. Apple's systems take 825 at the most, and an hour before now counts too. */
  readonly days?: number;
  /** Replace existing files. */
  readonly force?: boolean;
}

/** Existing files can't be used, and `force` is not set. The message names their fault. */
export class UnusableCertificates extends Error {}

const dayMs = 86_400_000;
const alwaysCovered = ["localhost", "127.0.0.1", "::1"];

/**
 * Makes development certificates in `dir`, or keeps usable ones.
 * The CA's key is never written, so a CA that someone trusts can't sign anything else.
 * @throws UnusableCertificates without `force`, when existing files are incomplete, expired, mismatched or lack a name;
 * the system's error when the folder can't be written.
 */
export async function ensureDevCertificates(dir: string, options: DevOptions = {}): Promise<DevCertificates> {
  const names = [...new Set([...alwaysCovered, ...(options.names ?? [])])];
  const files = { ca: join(dir, "dev-ca.pem"), cert: join(dir, "dev.pem"), key: join(dir, "dev.key") };
  const created = options.force === true || !Object.values(files).some((file) => existsSync(file));
  if (created) await create(dir, files, { names, days: options.days ?? 824 });
  const leaf = await inspect(files, names);
  return { files, created, notAfter: new Date(leaf.validTo), names: leaf.subjectAltName ?? "" };
}

async function create(
  dir: string,
  files: DevFiles,
  { names, days }: { names: readonly string[]; days: number },
): Promise<void> {
  const { createCertificate } = await import("./create-certificate.ts");
  const notAfter = new Date(Date.now() + days * dayMs);
  const issuer = await createCertificate({ commonName: "umay development CA", notAfter });
  const leaf = await createCertificate({ commonName: "localhost", names, notAfter, issuer });
  await mkdir(dir, { recursive: true });
  await replaceFile(files.key, leaf.key, 0o600);
  await replaceFile(files.cert, leaf.cert + issuer.cert, 0o644);
  await replaceFile(files.ca, issuer.cert, 0o644);
}

/** A reader sees the old file or the new one, never a part. */
async function replaceFile(path: string, text: string, mode: number): Promise<void> {
  const draft = `${path}.${process.pid}.new`;
  try {
    await writeFile(draft, text, { mode, flag: "wx" });
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

async function inspect(files: DevFiles, names: readonly string[]): Promise<X509Certificate> {
  for (const file of Object.values(files))
    if (!existsSync(file)) throw new UnusableCertificates(`${file} is missing`);
  const leaf = await parse(files.cert, (pem) => new X509Certificate(pem));
  const authority = await parse(files.ca, (pem) => new X509Certificate(pem));
  const key = await parse(files.key, createPrivateKey);
  if (!leaf.checkPrivateKey(key))
    throw new UnusableCertificates(`${files.key} is not the key of ${files.cert}`);
  if (!leaf.verify(authority.publicKey))
    throw new UnusableCertificates(`${files.cert} is not signed by ${files.ca}`);
  if (Date.parse(leaf.validTo) <= Date.now())
    throw new UnusableCertificates(`${files.cert} expired on ${leaf.validTo}`);
  const missing = names.filter((name) => !covers(leaf, name));
  if (missing.length > 0)
    throw new UnusableCertificates(`${files.cert} does not cover ${missing.join(", ")}`);
  return leaf;
}

async function parse<T>(file: string, read: (pem: string) => T): Promise<T> {
  const pem = await readFile(file, "utf8");
  try {
    return read(pem);
  } catch (error) {
    throw new UnusableCertificates(`${file} cannot be read as PEM: ${(error as Error).message}`);
  }
}

function covers(leaf: X509Certificate, name: string): boolean {
  return (isIP(name) === 0 ? leaf.checkHost(name) : leaf.checkIP(name)) !== undefined;
}
