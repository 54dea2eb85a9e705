import type { ProxyEndpoint, ProxyTlvs } from "../../lib/proxy-protocol/header.ts";
import { encodeProxyV1, encodeProxyV2 } from "../../lib/proxy-protocol/writer.ts";
import type { Session } from "../session.ts";

/**
 * What a pool with `proxy_protocol` is told before anything else: who the client is, where it connected, and with
 * version 2 the server name, protocol and TLS version of its connection.
 * @returns undefined where the pool does not want it.
 */
export function proxyIntroduction(session: Session): Buffer | undefined {
  const version = session.pool.definition.proxyProtocol;
  if (version === undefined) return undefined;
  const ends = endsOf(session);
  if (version === "v1") return encodeProxyV1(ends);
  return encodeProxyV2({ command: "proxy", ...ends, tlvs: tlvsOf(session) });
}

/** Both ends, or neither where the client came over a unix socket. */
function endsOf({ clientAddress, clientPort, raw, destination }: Session): {
  readonly source?: ProxyEndpoint;
  readonly destination?: ProxyEndpoint;
} {
  const { localAddress, localPort } = raw;
  const local =
    destination ?? (localAddress && localPort ? { address: localAddress, port: localPort } : undefined);
  if (clientAddress === "" || local === undefined) return {};
  return { source: { address: clientAddress, port: clientPort }, destination: local };
}

function tlvsOf({ serverName, alpn, tlsVersion }: Session): ProxyTlvs {
  const secure = tlsVersion !== "";
  return {
    ...(serverName !== "" && { authority: serverName }),
    ...(alpn !== "" && { alpn }),
    ...(secure && {
      ssl: {
        client: true,
        certificateOnConnection: false,
        certificateInSession: false,
        verified: false,
        version: tlsVersion,
      },
    }),
  };
}
