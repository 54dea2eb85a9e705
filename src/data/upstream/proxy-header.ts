import type { X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import type { CipherNameAndProtocol, TLSSocket } from "node:tls";
import { parseDistinguishedName } from "../../lib/distinguished-name.ts";
import type { ProxyEndpoint, ProxyHeader, ProxySsl, ProxyTlvs } from "../../lib/proxy-protocol/header.ts";
import { encodeProxyV1, encodeProxyV2 } from "../../lib/proxy-protocol/writer.ts";
import type { Pool } from "../../model/pool.ts";

export type ProxyVersion = NonNullable<Pool["proxyProtocol"]>;

/** A client, as a PROXY header tells of it. */
export interface IntroducedClient {
  /** Empty for a unix socket's client. */
  readonly clientAddress: string;
  readonly clientPort: number;
  /** The header of a proxy in front; undefined: none came. */
  readonly proxy: { readonly header: ProxyHeader } | undefined;
  readonly serverName: string;
  /** The accepted socket. */
  readonly raw: Socket;
  /** The handshake with umay; undefined: there was none, and `client` is no `TLSSocket`. */
  readonly tls: { readonly alpn: string; readonly version: string } | undefined;
  readonly client: Socket;
}

/**
 * The header that a pool with `proxy_protocol` gets before anything else: who the client is, where it connected, and
 * with version 2 what is known of its TLS, and the unique ID that a proxy in front gave the connection.
 */
export function proxyIntroduction(version: ProxyVersion, client: IntroducedClient): Buffer {
  const ends = endsOf(client);
  if (version === "v1") return encodeProxyV1(ends);
  return encodeProxyV2({ command: "proxy", ...ends, tlvs: tlvsOf(client) });
}

/** Both ends, or neither where the client came over a unix socket. */
function endsOf({ clientAddress, clientPort, raw, proxy }: IntroducedClient): {
  readonly source?: ProxyEndpoint;
  readonly destination?: ProxyEndpoint;
} {
  const { localAddress, localPort } = raw;
  const local =
    proxy?.header.destination ??
    (localAddress && localPort ? { address: localAddress, port: localPort } : undefined);
  if (clientAddress === "" || local === undefined) return {};
  return { source: { address: clientAddress, port: clientPort }, destination: local };
}

/** Where TLS does not end here, what a proxy in front knows of the client's TLS is still true. */
function tlvsOf({ proxy, serverName, tls, client }: IntroducedClient): ProxyTlvs {
  // A network namespace means something on the machine of that proxy only.
  const { uniqueId, netns: _, ...told }: ProxyTlvs = proxy?.header.tlvs ?? {};
  const known: ProxyTlvs =
    tls === undefined
      ? { ...told, ...(serverName !== "" && { authority: serverName }) }
      : { authority: serverName, alpn: tls.alpn, ssl: sslOf(client as TLSSocket, tls.version) };
  return { ...known, ...(uniqueId && { uniqueId }) };
}

/** Names of algorithms are those of HAProxy. */
function sslOf(tls: TLSSocket, version: string): ProxySsl {
  const shown = tls.getX509Certificate();
  const leaf = tls.getPeerX509Certificate();
  // Null where the client has gone and nobody has been told yet.
  const cipher = (tls.getCipher() as CipherNameAndProtocol | null)?.name;
  return {
    client: true,
    certificateOnConnection: leaf !== undefined && !tls.isSessionReused(),
    certificateInSession: leaf !== undefined,
    // A client whose certificate does not pass gets no backend.
    verified: leaf !== undefined,
    version,
    ...(cipher !== undefined && { cipher }),
    ...(shown !== undefined && algorithmsOf(shown)),
    ...(leaf !== undefined && commonNameOf(leaf)),
  };
}

/** By fingerprint: to look into a certificate takes several times as long as all else that the header takes. */
const known = new Map<string, Partial<ProxySsl>>();
const mostKnown = 4_096;

function algorithmsOf(shown: X509Certificate): Partial<ProxySsl> {
  const found = known.get(shown.fingerprint256);
  if (found !== undefined) return found;
  if (known.size === mostKnown) known.clear();
  const algorithms = readAlgorithms(shown);
  known.set(shown.fingerprint256, algorithms);
  return algorithms;
}

function readAlgorithms({ signatureAlgorithm, publicKey }: X509Certificate): Partial<ProxySsl> {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = publicKey;
  const bits = details?.modulusLength ?? /\d+/.exec(details?.namedCurve ?? "")?.[0];
  const signature = signatureAlgorithm?.replace(
    /^(sha\d+)WithRSAEncryption$/i,
    (_, hash: string) => `RSA-${hash.toUpperCase()}`,
  );
  return {
    ...(signature !== undefined && { signatureAlgorithm: signature }),
    ...(bits !== undefined && { keyAlgorithm: `${type!.toUpperCase()}${bits}` }),
  };
}

function commonNameOf({ subject }: X509Certificate): Partial<ProxySsl> {
  const name = parseDistinguishedName(subject ?? "")?.find((attribute) => attribute.startsWith("CN="));
  return name === undefined ? {} : { cn: name.slice("CN=".length) };
}
