import { errorAt } from "../../../lib/findings.ts";
import type { ClientAuth, ClientRule } from "../../../model/client-auth.ts";
import type { ListenerTls, SessionTickets, TlsVersion } from "../../../model/listener.ts";
import type { Certificate } from "../../../model/material.ts";
import type { BackendName, PoolTls } from "../../../model/pool.ts";
import { listenerOptions } from "../../../tls/listener.ts";
import { contextRefusal } from "../../../tls/refusal.ts";
import { usualCiphers, usualGroups } from "../../toml/resolve/tls.ts";
import type { Node } from "../node.ts";
import type { Mapping } from "./context.ts";
import { mapBackendAuthorities, mapCertificate, mapClientTrust } from "./material.ts";

/** In milliseconds. */
const rotation = 86_400_000;

/** A `DownstreamTlsContext`. @param name of the settings. @returns undefined after an error. */
export async function mapListenerTls(
  context: Node,
  name: string,
  mapping: Mapping,
): Promise<ListenerTls | undefined> {
  const common = context.node("common_tls_context");
  if (common === undefined) {
    mapping.report(errorAt(context.path, "has no common_tls_context, so no certificate"));
    return undefined;
  }
  const certificates = await mapCertificates(common, "clients", mapping);
  if (certificates.length === 0) return undefined;
  const auth = await mapClientAuth(context, common, mapping);
  if (auth === "wrong") return undefined;
  const [minVersion, maxVersion] = versionsOf(common.node("tls_params"), mapping);
  const tls: ListenerTls = {
    name,
    minVersion,
    maxVersion,
    ciphers: ciphersOf(common.node("tls_params"), mapping),
    groups: groupsOf(common.node("tls_params"), auth !== undefined),
    alpn: common.texts("alpn_protocols"),
    certificates,
    strictSni: false,
    clientAuth: auth,
    sessionTickets: mapTickets(context, mapping),
  };
  for (const certificate of certificates) {
    const refusal = contextRefusal(listenerOptions(tls, certificate));
    if (refusal === undefined) continue;
    mapping.report(errorAt(common.path, `OpenSSL refuses ${certificate.source.cert}: ${refusal}`));
    return undefined;
  }
  return tls;
}

async function mapCertificates(
  common: Node,
  peers: "clients" | "backends",
  mapping: Mapping,
): Promise<readonly Certificate[]> {
  const found: Certificate[] = [];
  const add = async (certificate: Node, name: string): Promise<void> => {
    const mapped = await mapCertificate(certificate, name, peers, mapping);
    if (mapped !== undefined) found.push(mapped);
  };
  for (const certificate of common.nodes("tls_certificates")) await add(certificate, "this context");
  for (const config of common.nodes("tls_certificate_sds_secret_configs")) {
    const secret = secretOf(config, "tls_certificate", mapping);
    if (secret !== undefined) await add(secret, `secret ${config.text("name")}`);
  }
  if (peers === "clients" && found.length === 0 && !common.has("tls_certificate_sds_secret_configs"))
    if (!common.has("tls_certificates")) mapping.report(errorAt(common.path, "has no tls_certificates"));
  return found;
}

/** The part of a secret that a `SdsSecretConfig` names. @returns undefined after an error. */
function secretOf(
  config: Node,
  part: "tls_certificate" | "validation_context",
  mapping: Mapping,
): Node | undefined {
  const name = config.text("name");
  const secret = mapping.secret(name);
  if (secret?.has(part)) return secret.node(part);
  if (secret === undefined && mapping.isDynamic) return undefined;
  const what = secret === undefined ? "there is no secret" : `has no ${part} in the secret`;
  mapping.report(errorAt(config.at("name"), `${what} ${JSON.stringify(name)}`));
  return undefined;
}

/** The validation context of a TLS context, from whichever of its places. `wrong` after an error. */
function validationOf(common: Node, mapping: Mapping): readonly Node[] | "wrong" {
  const own = common.node("validation_context");
  if (own !== undefined) return [own];
  const combined = common.node("combined_validation_context");
  const config =
    combined?.node("validation_context_sds_secret_config") ??
    common.node("validation_context_sds_secret_config");
  const secret = config && secretOf(config, "validation_context", mapping);
  if (config !== undefined && secret === undefined) return "wrong";
  const base = combined?.node("default_validation_context");
  return [secret, base].filter((context) => context !== undefined);
}

async function mapClientAuth(
  context: Node,
  common: Node,
  mapping: Mapping,
): Promise<ClientAuth | undefined | "wrong"> {
  const contexts = validationOf(common, mapping);
  if (contexts === "wrong") return "wrong";
  const required = context.flag("require_client_certificate") === true;
  const withCa = contexts.find((each) => each.has("trusted_ca"));
  if (withCa === undefined) {
    if (!required && contexts.length === 0) return undefined;
    // Whoever can't be verified is not let in: nothing here means "anybody".
    mapping.report(
      errorAt(context.at("require_client_certificate"), "needs a validation context with trusted_ca"),
    );
    return "wrong";
  }
  if (contexts.some((each) => each.text("trust_chain_verification") === "ACCEPT_UNTRUSTED")) {
    mapping.report(
      errorAt(withCa.at("trust_chain_verification"), "umay lets in no certificate that it can't verify"),
    );
    return "wrong";
  }
  const trust = await mapClientTrust(withCa, "clients", mapping);
  if (trust === undefined) return "wrong";
  const rules = contexts.flatMap((each): ClientRule[] => [
    ...sansOf(each)
      .map((matcher) => clientRule(matcher, mapping))
      .filter((rule) => rule !== undefined),
    ...each.texts("verify_certificate_spki").map((pin): ClientRule => ({ kind: "sha256", pin })),
  ]);
  const asked = contexts.some((each) => sansOf(each).length > 0 || each.has("verify_certificate_spki"));
  return { mode: required ? "require" : "optional", ...trust, allow: asked ? rules : undefined };
}

const sansOf = (context: Node): readonly Node[] => [
  ...context.nodes("match_typed_subject_alt_names"),
  ...context.nodes("match_subject_alt_names"),
];

/** The kind and the text of a matcher; a prefix only of URIs, as `…*`. */
function sanOf(
  matcher: Node,
  { report }: Mapping,
): { readonly kind: string; readonly text: string } | undefined {
  const typed = matcher.kind === "SubjectAltNameMatcher";
  const text = typed ? matcher.node("matcher") : matcher;
  const exact = text?.text("exact") ?? "";
  const prefix = text?.text("prefix") ?? "";
  const kind = typed
    ? matcher.text("san_type")
    : exact.includes("://") || prefix.includes("://")
      ? "URI"
      : "DNS";
  if (exact !== "" && (kind === "DNS" || kind === "URI" || kind === "IP_ADDRESS"))
    return { kind, text: exact };
  if (prefix.endsWith("/") && kind === "URI") return { kind, text: `${prefix}*` };
  report(
    errorAt(
      matcher.path,
      "can't be matched: DNS names, URIs and IP addresses are, as a whole, and prefixes of URIs that end with a slash",
    ),
  );
  return undefined;
}

function clientRule(matcher: Node, mapping: Mapping): ClientRule | undefined {
  const san = sanOf(matcher, mapping);
  if (san === undefined) return undefined;
  if (san.kind === "URI" && san.text.startsWith("spiffe://")) return { kind: "spiffe", id: san.text };
  if (san.kind === "DNS") return { kind: "dns", name: san.text.toLowerCase() };
  mapping.report(errorAt(matcher.path, "can't be matched: of clients, DNS names and SPIFFE IDs are"));
  return undefined;
}

const versionNames: Readonly<Record<string, TlsVersion>> = { TLSv1_2: "TLSv1.2", TLSv1_3: "TLSv1.3" };

function versionsOf(params: Node | undefined, { report }: Mapping): readonly [TlsVersion, TlsVersion] {
  const of = (name: string, otherwise: TlsVersion): TlsVersion => {
    const text = params?.text(name) ?? "";
    const version = versionNames[text];
    if (version === undefined && text !== "" && text !== "TLS_AUTO")
      report(errorAt(params!.at(name), "umay speaks TLS 1.2 and 1.3 only"));
    return version ?? otherwise;
  };
  return [of("tls_minimum_protocol_version", "TLSv1.2"), of("tls_maximum_protocol_version", "TLSv1.3")];
}

/** Envoy's `[A|B]` are ciphers of equal rank: here the first comes first. TLS 1.3 has its own, which are always there. */
function ciphersOf(params: Node | undefined, { report }: Mapping): string {
  const names = (params?.texts("cipher_suites") ?? []).flatMap((text) =>
    text.replace(/^\[|\]$/g, "").split("|"),
  );
  if (names.length === 0) return usualCiphers;
  const ciphers = `${usualCiphers
    .split(":")
    .filter((name) => name.startsWith("TLS_"))
    .join(":")}:${names.join(":")}`;
  const refusal = contextRefusal({ ciphers });
  if (refusal === undefined) return ciphers;
  report(errorAt(params!.at("cipher_suites"), `OpenSSL refuses these ciphers: ${refusal}`));
  return usualCiphers;
}

const groupsOf = (params: Node | undefined, asksClients: boolean): readonly string[] => {
  const curves = params?.texts("ecdh_curves") ?? [];
  return curves.length === 0 ? usualGroups(asksClients) : curves;
};

function mapTickets(context: Node, mapping: Mapping): SessionTickets | undefined {
  if (context.flag("disable_stateless_session_resumption") === true) return undefined;
  const keys = context.node("session_ticket_keys");
  const [first] = keys?.nodes("keys") ?? [];
  if (first === undefined) return { rotate: rotation, keys: undefined };
  mapping.report(
    errorAt(
      keys!.path,
      "have another form (80 bytes) than umay's (48 bytes); leave them out, and umay makes its own",
    ),
  );
  return undefined;
}

/** An `UpstreamTlsContext`. @param named whether each backend's own name is sent (`auto_sni`). */
export async function mapPoolTls(
  context: Node,
  verifiesSni: boolean,
  mapping: Mapping,
): Promise<PoolTls | undefined> {
  const common = context.node("common_tls_context");
  const contexts = common === undefined ? [] : validationOf(common, mapping);
  if (contexts === "wrong") return undefined;
  const withCa = contexts.find((each) => each.has("trusted_ca"));
  const ca = withCa && (await mapBackendAuthorities(withCa, "backends", mapping));
  if (withCa !== undefined && ca === undefined) return undefined;
  const [certificate] = common === undefined ? [] : await mapCertificates(common, "backends", mapping);
  const sans = contexts.flatMap(sansOf);
  const names = sans.map((matcher) => backendName(matcher, mapping)).filter((name) => name !== undefined);
  const pins = contexts.flatMap((each) => each.texts("verify_certificate_spki"));
  return {
    // Without CAs, Envoy believes every backend.
    verify: ca !== undefined || verifiesSni,
    ca,
    serverName: context.text("sni") || undefined,
    ...(sans.length > 0 && { names }),
    ...(pins.length > 0 && { pins }),
    certificate,
    alpn: common?.texts("alpn_protocols") ?? [],
  };
}

function backendName(matcher: Node, mapping: Mapping): BackendName | undefined {
  const san = sanOf(matcher, mapping);
  return (
    san &&
    (san.kind === "URI" ? { kind: "uri", uri: san.text } : { kind: "host", host: san.text.toLowerCase() })
  );
}
