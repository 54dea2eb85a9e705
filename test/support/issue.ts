import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Certificate } from "../../src/model/material.ts";
import type { CertificatePair } from "./certificates.ts";

/** Options for `openssl`, for certificates that the program's own code can't make. */
export interface IssueOptions {
  /** As OpenSSL names it. */
  readonly curve?: string;
  /** Undefined: signed by itself. */
  readonly issuer?: CertificatePair;
  /** Lines of an extension file: `extendedKeyUsage=clientAuth`. */
  readonly extensions?: readonly string[];
}

export const ofCa: readonly string[] = [
  "basicConstraints=critical,CA:TRUE",
  "keyUsage=critical,keyCertSign,cRLSign",
];

/** A certificate and its key that are good for a year, by the system's `openssl`. */
export function issue(
  dir: string,
  name: string,
  { curve = "P-256", issuer, extensions = ["subjectAltName=DNS:localhost"] }: IssueOptions,
): CertificatePair {
  const at = (suffix: string): string => join(dir, `${name}.${suffix}`);
  const openssl = (...args: string[]): unknown => execFileSync("openssl", args, { stdio: "pipe" });
  const made = ["-newkey", "ec", "-pkeyopt", `ec_paramgen_curve:${curve}`, "-nodes", "-subj", `/CN=${name}`];
  openssl("req", ...made, "-keyout", at("key"), "-out", at("csr"));
  writeFileSync(at("ext"), extensions.join("\n"));
  const signed =
    issuer === undefined
      ? ["-signkey", at("key")]
      : ["-CA", issuer.cert, "-CAkey", issuer.key, "-set_serial", String(Date.now())];
  openssl(
    "x509",
    "-req",
    "-in",
    at("csr"),
    ...signed,
    "-out",
    at("pem"),
    "-days",
    "365",
    "-extfile",
    at("ext"),
  );
  return { cert: at("pem"), key: at("key") };
}

/** A certificate as a model has it, with these issuers behind it. */
export function certificateOf({ cert, key }: CertificatePair, ...issuers: CertificatePair[]): Certificate {
  const read = (file: string): string => readFileSync(file, "utf8");
  return {
    source: { kind: "file", cert, key },
    cert: [cert, ...issuers.map((issuer) => issuer.cert)].map(read).join(""),
    key: read(key),
    subject: "",
    keyType: "ec",
    names: [],
    notAfter: 0,
  };
}
