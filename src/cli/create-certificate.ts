import "reflect-metadata";
import { KeyObject, type webcrypto } from "node:crypto";
import { isIP } from "node:net";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

export interface CertificateOptions {
  /** The subject's common name, without the characters that RFC 4514 escapes. */
  readonly commonName: string;
  /** The covered DNS names and IP addresses; empty for a CA. */
  readonly names?: readonly string[];
  /** ECDSA on P-256, or RSA with 2048 bits. */
  readonly algorithm?: "ecdsa" | "rsa";
  readonly notBefore?: Date;
  readonly notAfter: Date;
  /** The CA that signs it; without one the certificate is a CA's, signed by itself. */
  readonly issuer?: CreatedCertificate;
}

/** A certificate with its private key, both as PEM. */
export interface CreatedCertificate {
  readonly commonName: string;
  readonly cert: string;
  /** PKCS #8, not encrypted. */
  readonly key: string;
  readonly keys: webcrypto.CryptoKeyPair;
}

const algorithms = {
  ecdsa: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  rsa: {
    name: "RSASSA-PKCS1-v1_5",
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: "SHA-256",
  },
} as const;

const clockSkewMs = 3_600_000;

/** Makes a key pair and its certificate (RFC 5280): a server's, or without `issuer` that of a CA which signs servers. */
export async function createCertificate(options: CertificateOptions): Promise<CreatedCertificate> {
  const { commonName, issuer } = options;
  const keys = await crypto.subtle.generateKey(algorithms[options.algorithm ?? "ecdsa"], true, [
    "sign",
    "verify",
  ]);
  const signer = issuer?.keys ?? keys;
  const certificate = await X509CertificateGenerator.create({
    subject: `CN=${commonName}`,
    issuer: `CN=${issuer?.commonName ?? commonName}`,
    notBefore: options.notBefore ?? new Date(Date.now() - clockSkewMs),
    notAfter: options.notAfter,
    publicKey: keys.publicKey,
    signingKey: signer.privateKey,
    signingAlgorithm: { name: signer.privateKey.algorithm.name, hash: "SHA-256" },
    extensions: [
      ...(issuer === undefined ? authorityExtensions() : serverExtensions(options)),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(signer.publicKey),
    ],
  });
  const key = KeyObject.from(keys.privateKey).export({ type: "pkcs8", format: "pem" }).toString();
  return { commonName, cert: `${certificate.toString("pem")}\n`, key, keys };
}

function authorityExtensions(): Extension[] {
  return [
    new BasicConstraintsExtension(true, 0, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
  ];
}

function serverExtensions({ names = [], algorithm }: CertificateOptions): Extension[] {
  const encipherment = algorithm === "rsa" ? KeyUsageFlags.keyEncipherment : 0;
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature | encipherment, true),
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
    new SubjectAlternativeNameExtension(
      names.map((name) => ({ type: isIP(name) === 0 ? "dns" : "ip", value: name })),
    ),
  ];
}
