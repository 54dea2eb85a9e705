import { resolve } from "node:path";
import { errorAt, type Finding, type Path } from "../../../lib/findings.ts";
import { loadBackendAuthorities } from "../../../material/authorities.ts";
import { loadCertificate } from "../../../material/certificates.ts";
import { loadClientTrust } from "../../../material/client-trust.ts";
import type { Peers } from "../../../material/lint.ts";
import type { ClientTrust } from "../../../model/client-auth.ts";
import type { Authorities, Certificate, FileSource, PairSource } from "../../../model/material.ts";
import type { Node } from "../node.ts";
import type { Mapping } from "./context.ts";

/** A `DataSource`: a file, or the text itself. @param name for people. @returns undefined after an error. */
export function sourceOf(
  source: Node | undefined,
  name: string,
  owner: Node,
  mapping: Mapping,
): FileSource | undefined {
  const kind = source?.which("filename", "inline_string", "inline_bytes", "environment_variable");
  if (source === undefined || kind === undefined) {
    mapping.report(
      errorAt((source ?? owner).path, `${name} is missing; expected filename, inline_string or inline_bytes`),
    );
    return undefined;
  }
  if (kind === "filename") return { kind: "file", file: resolve(mapping.directory, source.text(kind)) };
  if (kind === "inline_string") return { kind: "file", file: name, given: source.text(kind) };
  if (kind === "inline_bytes")
    return { kind: "file", file: name, given: source.bytes(kind)!.toString("latin1") };
  const value = mapping.env[source.text(kind)];
  if (value !== undefined) return { kind: "file", file: name, given: value };
  mapping.report(errorAt(source.at(kind), "names an environment variable that is not set"));
  return undefined;
}

/** The text of a `DataSource`, for what is no material. */
export async function textOf(source: Node, name: string, mapping: Mapping): Promise<string | undefined> {
  const from = sourceOf(source, name, source, mapping);
  if (from === undefined || from.given !== undefined) return from?.given;
  const { describeReadError, mebibyte, readWhole } = await import("../../../lib/read-file.ts");
  try {
    return (await readWhole(from.file, mebibyte)).toString("utf8");
  } catch (error) {
    mapping.report(errorAt(source.at("filename"), `${from.file} ${describeReadError(error)}`));
    return undefined;
  }
}

/** A `TlsCertificate`. @param name of the owner, for people. */
export async function mapCertificate(
  certificate: Node,
  name: string,
  peers: Peers,
  mapping: Mapping,
): Promise<Certificate | undefined> {
  const cert = sourceOf(
    certificate.node("certificate_chain"),
    `the certificate of ${name}`,
    certificate,
    mapping,
  );
  const key = sourceOf(certificate.node("private_key"), `the key of ${name}`, certificate, mapping);
  if (cert === undefined || key === undefined) return undefined;
  if ((cert.given === undefined) !== (key.given === undefined)) {
    const message =
      "has its certificate in a file and its key not, or the other way round; give both in one way";
    mapping.report(errorAt(certificate.path, message));
    return undefined;
  }
  const source: PairSource = {
    kind: "file",
    cert: cert.file,
    key: key.file,
    ...(cert.given !== undefined &&
      key.given !== undefined && { given: { cert: cert.given, key: key.given } }),
  };
  const places = { cert: certificate.at("certificate_chain"), key: certificate.at("private_key") };
  return loadCertificate(source, peers, [], placed(places, certificate.path, mapping));
}

/** The CAs, and perhaps revocation lists, of a `CertificateValidationContext`. */
export async function mapClientTrust(
  context: Node,
  name: string,
  mapping: Mapping,
): Promise<ClientTrust | undefined> {
  const ca = sourceOf(context.node("trusted_ca"), `the CAs of ${name}`, context, mapping);
  const list = context.node("crl");
  const crl = list && sourceOf(list, `the revocation lists of ${name}`, context, mapping);
  if (ca === undefined) return undefined;
  const places = { ca: context.at("trusted_ca"), crl: context.at("crl") };
  return loadClientTrust({ ca, crl }, [], placed(places, context.path, mapping));
}

export async function mapBackendAuthorities(
  context: Node,
  name: string,
  mapping: Mapping,
): Promise<Authorities | undefined> {
  const ca = sourceOf(context.node("trusted_ca"), `the CAs of ${name}`, context, mapping);
  return ca && loadBackendAuthorities(ca, context.at("trusted_ca"), (finding) => mapping.report(finding));
}

/** Reports with the places that the loaders' own keys stand for. */
function placed(
  places: Readonly<Record<string, Path>>,
  otherwise: Path,
  mapping: Mapping,
): (finding: Finding) => void {
  return (finding) => mapping.report({ ...finding, path: places[String(finding.path[0])] ?? otherwise });
}
