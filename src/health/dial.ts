import { connect, type Socket } from "node:net";
import { connect as connectTls, createSecureContext, getCACertificates, type SecureContext } from "node:tls";
import type { SocketAddress } from "../lib/address.ts";
import { encodeProxyV1, encodeProxyV2 } from "../lib/proxy-protocol/writer.ts";
import type { CheckSpec } from "../model/health.ts";
import type { PoolTls } from "../model/pool.ts";
import type { CheckTarget } from "./check.ts";

/** Opens a connection to what is checked. It is usable at once: what is written waits. */
export type Dial = (target: CheckTarget) => Socket;

/** @param protocol the application protocol to negotiate, where there is TLS. */
export function createDial(spec: CheckSpec, protocol?: string): Dial {
  const plain = plainDial(spec.proxyProtocol);
  const tls = spec.type === "tcp" ? undefined : spec.tls;
  return tls === undefined ? ({ target }) => plain(target) : secureDial(plain, tls, protocol);
}

/** A PROXY header says that the connection is the proxy's own, not a client's: version 2 LOCAL, version 1 UNKNOWN. */
function plainDial(version: CheckSpec["proxyProtocol"]): (target: SocketAddress) => Socket {
  const header =
    version && (version === "v1" ? encodeProxyV1({}) : encodeProxyV2({ command: "local", tlvs: {} }));
  return (target) => {
    const socket =
      target.kind === "unix"
        ? connect(target.path)
        : connect({ host: target.host, port: target.port, autoSelectFamily: false, noDelay: true });
    if (header !== undefined) socket.write(header);
    return socket;
  };
}

function secureDial(
  plain: (target: SocketAddress) => Socket,
  { verify, ca, certificate, serverName }: PoolTls,
  protocol: string | undefined,
): Dial {
  // Reading the trusted certificates takes long: once, when it is needed first.
  let secureContext: SecureContext | undefined;
  return ({ target, hostName }) => {
    secureContext ??= createSecureContext({
      ...(verify && { ca: ca ?? getCACertificates("system") }),
      ...(certificate !== undefined && { cert: certificate.cert, key: certificate.key }),
    });
    const name = serverName ?? hostName;
    const raw = plain(target);
    const socket = connectTls({
      socket: raw,
      secureContext,
      rejectUnauthorized: verify,
      ...(name !== undefined && { servername: name }),
      // What is verified where there is no name: the IP address.
      ...(target.kind === "tcp" && { host: target.host }),
      ...(protocol !== undefined && { ALPNProtocols: [protocol] }),
    });
    raw.on("error", (error) => socket.destroy(error));
    socket.on("close", () => raw.destroy());
    return socket;
  };
}
