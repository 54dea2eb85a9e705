import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { formatAddress, type SocketAddress } from "../../lib/address.ts";
import type { PoolTls } from "../../model/pool.ts";
import { beginTls, createBackendContext } from "../../tls/backend.ts";
import type { ControlPlaneAddress } from "./client.ts";

/** Time for a connection, TLS included, in milliseconds. */
const patience = 10_000;

/** A server of a control plane, as it is configured. */
export interface Server {
  readonly target: SocketAddress;
  readonly hostName?: string | undefined;
}

/**
 * How a server is reached.
 * @param tls gives the present settings: files may have changed since the last connection. Undefined: in the clear.
 * @param authority of requests; empty: the server's own name.
 */
export function serverAt(
  { target, hostName }: Server,
  tls: (() => Promise<PoolTls>) | undefined,
  authority = "",
): ControlPlaneAddress {
  const name = formatAddress(target);
  const usual = target.kind === "unix" ? "localhost" : name;
  return {
    name,
    authority: authority || usual,
    dial: async () => (tls === undefined ? plain(target) : secure(target, hostName, await tls())),
  };
}

const plain = (target: SocketAddress): Socket =>
  target.kind === "unix" ? connect(target.path) : connect(target.port, target.host);

/** @throws where the server is not the one that is meant, or does not speak HTTP/2. */
async function secure(target: SocketAddress, hostName: string | undefined, tls: PoolTls): Promise<Duplex> {
  const socket = beginTls(
    tls,
    { target, hostName },
    {
      context: createBackendContext(tls, undefined),
      protocols: ["h2"],
      session: undefined,
      ...(target.kind === "unix" ? { path: target.path } : { port: target.port }),
    },
  );
  const signal = AbortSignal.timeout(patience);
  try {
    await once(socket, "secureConnect", { signal });
  } catch (error) {
    socket.destroy();
    throw signal.aborted ? new Error(`no handshake within ${patience / 1000} s`) : error;
  }
  if (socket.alpnProtocol === "h2") return socket;
  socket.destroy();
  throw new Error("it does not agree to speak HTTP/2");
}
