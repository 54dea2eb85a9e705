import "reflect-metadata";
import { createHash, KeyObject, X509Certificate as NodeCertificate, type webcrypto } from "node:crypto";
import {
  AuthorityKeyIdentifierExtension,
  Extension,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import type { AcmeKeyType } from "../model/acme.ts";

const algorithms = {
  p256: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  p384: { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" },
  rsa2048: rsa(2048),
  rsa4096: rsa(4096),
} as const;

function rsa(modulusLength: number) {
  const publicExponent = new Uint8Array([1, 0, 1]);
  return { name: "RSASSA-PKCS1-v1_5", modulusLength, publicExponent, hash: "SHA-256" } as const;
}

/** A request for a certificate, and the key that it is for. */
export interface SigningRequest {
  /** DER. */
  readonly request: Buffer;
  /** PKCS #8, PEM. */
  readonly key: string;
}

/** Makes a new key, and the request for its certificate (RFC 8555 section 7.4: names as alternative names alone). */
export async function createRequest(names: readonly string[], keyType: AcmeKeyType): Promise<SigningRequest> {
  const keys = await generate(keyType);
  const request = await Pkcs10CertificateRequestGenerator.create({
    keys,
    signingAlgorithm: algorithms[keyType],
    extensions: [new SubjectAlternativeNameExtension(names.map((value) => ({ type: "dns", value })))],
  });
  return { request: Buffer.from(request.rawData), key: pemOf(keys) };
}

/** id-pe-acmeIdentifier (RFC 8737 section 6.1). */
const acmeIdentifier = "1.3.6.1.5.5.7.1.31";
const day = 86_400_000;

/** The certificate that answers a tls-alpn-01 challenge (RFC 8737 section 3). @param answer the key authorization. */
export async function createValidation(
  name: string,
  answer: string,
): Promise<{ readonly cert: string; readonly key: string }> {
  const keys = await generate("p256");
  const digest = createHash("sha256").update(answer).digest();
  const now = Date.now();
  const certificate = await X509CertificateGenerator.create({
    subject: "CN=ACME validation",
    issuer: "CN=ACME validation",
    notBefore: new Date(now - day),
    notAfter: new Date(now + 7 * day),
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    signingAlgorithm: algorithms.p256,
    extensions: [
      new SubjectAlternativeNameExtension([{ type: "dns", value: name }]),
      // An octet string of DER with the digest.
      new Extension(acmeIdentifier, true, Buffer.concat([Buffer.from([4, digest.length]), digest])),
    ],
  });
  return { cert: `${certificate.toString("pem")}\n`, key: pemOf(keys) };
}

/**
 * The name of a certificate in renewal information (RFC 9773 section 4.1).
 * @returns undefined where it does not say which key its issuer has.
 */
export function renewalId(pem: string): string | undefined {
  const certificate = new X509Certificate(pem);
  const keyId = certificate.getExtension(AuthorityKeyIdentifierExtension)?.keyId;
  if (keyId === undefined) return undefined;
  const digits = new NodeCertificate(pem).serialNumber;
  const serial = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, "hex");
  // As DER has a positive integer.
  const integer = serial[0]! >= 0x80 ? Buffer.concat([Buffer.of(0), serial]) : serial;
  return `${Buffer.from(keyId, "hex").toString("base64url")}.${integer.toString("base64url")}`;
}

async function generate(keyType: AcmeKeyType): Promise<webcrypto.CryptoKeyPair> {
  return (await crypto.subtle.generateKey(algorithms[keyType], true, [
    "sign",
    "verify",
  ])) as webcrypto.CryptoKeyPair;
}

const pemOf = ({ privateKey }: webcrypto.CryptoKeyPair): string =>
  KeyObject.from(privateKey).export({ type: "pkcs8", format: "pem" }).toString();
