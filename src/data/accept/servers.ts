import { createServer, type Server, type Socket } from "node:net";
import { formatAddress, type SocketAddress } from "../../lib/address.ts";
import type { PlacedListener } from "../../model/snapshot.ts";
import { tcpOptions } from "../socket-options.ts";

/** Pending connections that the kernel may hold; it takes the smaller of this and net.core.somaxconn. */
const backlog = 4096;

/**
 * Opens this worker's own socket on each of the listener's addresses; the kernel spreads connections over the workers
 * that did (SO_REUSEPORT). All or none: when one fails, the others are closed again.
 * @throws an error that names listener and address.
 */
export async function openServers(
  listener: PlacedListener,
  onConnection: (socket: Socket) => void,
  onError: (error: Error) => void,
): Promise<readonly Server[]> {
  const servers: Server[] = [];
  try {
    for (const address of listener.addresses) {
      const server = createServer(tcpOptions, onConnection);
      servers.push(server);
      await listen(server, address);
      server.on("error", onError);
    }
  } catch (cause) {
    for (const server of servers) server.close();
    const where = listener.addresses.map(formatAddress).join(", ");
    throw new Error(`listener ${listener.name} cannot listen on ${where}: ${(cause as Error).message}`, {
      cause,
    });
  }
  return servers;
}

function listen(server: Server, address: SocketAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    const listening = (): void => {
      server.removeListener("error", reject);
      resolve();
    };
    if (address.kind === "unix") server.listen({ path: address.path, backlog }, listening);
    else server.listen({ host: address.host, port: address.port, reusePort: true, backlog }, listening);
  });
}
