import "reflect-metadata";
import { KeyObject, X509Certificate } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type JsonGeneralNames,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  X509CrlGenerator,
} from "@peculiar/x509";
import type { CreatedCertificate } from "../../src/cli/create-certificate.ts";
import type { CertificatePair } from "./certificates.ts";

const dayMs = 86_400_000;
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

export interface ClientCertificate extends CertificatePair {
  readonly serial: string;
  /** SHA-256 of its public key. */
  readonly pin: Buffer;
}

export interface ClientOptions {
  /** As RFC 4514 writes it. */
  readonly subject: string;
  readonly names?: JsonGeneralNames;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** The purpose of the certificate; default: a client. */
  readonly usage?: "client" | "server";
}

/** Issues a client certificate, as files of `dir`. */
export async function issueClient(
  dir: string,
  file: string,
  issuer: CreatedCertificate,
  { subject, names = [], usage = "client", ...validity }: ClientOptions,
): Promise<ClientCertificate> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.create({
    subject,
    issuer: `CN=${issuer.commonName}`,
    notBefore: validity.notBefore ?? new Date(Date.now() - 10 * dayMs),
    notAfter: validity.notAfter ?? new Date(Date.now() + dayMs),
    publicKey: keys.publicKey,
    signingKey: issuer.keys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage[`${usage}Auth`]]),
      await AuthorityKeyIdentifierExtension.create(issuer.keys.publicKey),
      ...(names.length > 0 ? [new SubjectAlternativeNameExtension(names)] : []),
    ],
  });
  const cert = join(dir, `${file}.pem`);
  const key = join(dir, `${file}.key`);
  const pem = `${certificate.toString("pem")}\n`;
  writeFileSync(cert, pem);
  writeFileSync(key, KeyObject.from(keys.privateKey).export({ type: "pkcs8", format: "pem" }));
  const spki = new X509Certificate(pem).publicKey.export({ type: "spki", format: "der" });
  const pin = Buffer.from(await crypto.subtle.digest("SHA-256", spki));
  return { cert, key, serial: certificate.serialNumber, pin };
}

/** A revocation list of this CA, PEM. */
export async function revocationList(
  issuer: CreatedCertificate,
  revoked: readonly ClientCertificate[],
  nextUpdate: Date = new Date(Date.now() + dayMs),
): Promise<string> {
  const list = await X509CrlGenerator.create({
    issuer: `CN=${issuer.commonName}`,
    thisUpdate: new Date(Date.now() - 2 * dayMs),
    nextUpdate,
    entries: revoked.map(({ serial }) => ({
      serialNumber: serial,
      revocationDate: new Date(Date.now() - dayMs),
    })),
    signingAlgorithm: algorithm,
    signingKey: issuer.keys.privateKey,
  });
  // The library has another label than RFC 7468.
  return `${list.toString("pem").replaceAll(" CRL-----", " X509 CRL-----")}\n`;
}
