import { createServer, type Server, type Socket } from "node:net";
import { listen } from "../../lib/listen.ts";
import type { PlacedListener } from "../../model/snapshot.ts";
import { acceptBacklog, tcpOptions } from "../sockets/options.ts";

/**
 * Opens this worker's own socket on each of the listener's addresses; the kernel spreads connections over the workers
 * that did (SO_REUSEPORT). All or none: when one fails, the others are closed again.
 * @param pauseOnConnect whether connections come unread, so that they may move to another thread.
 * @throws an error that names listener and address.
 */
export async function openServers(
  listener: PlacedListener,
  onConnection: (socket: Socket) => void,
  onError: (error: Error) => void,
  pauseOnConnect: boolean,
): Promise<readonly Server[]> {
  const servers: Server[] = [];
  try {
    for (const address of listener.addresses) {
      const server = createServer({ ...tcpOptions, pauseOnConnect }, onConnection);
      servers.push(server);
      await listen(server, address, { reusePort: true, backlog: acceptBacklog });
      server.on("error", onError);
    }
  } catch (cause) {
    for (const server of servers) server.close();
    throw new Error(`listener ${listener.name} ${(cause as Error).message}`, { cause });
  }
  return servers;
}
