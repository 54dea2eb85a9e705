import { createServer, type Server, type Socket } from "node:net";
import { listen } from "../lib/listen.ts";
import type { PlacedListener } from "../model/snapshot.ts";

/**
 * Accepts on the main thread for listeners whose connections the kernel can't spread over the workers: TCP where
 * SO_REUSEPORT does not balance. The data plane sets each socket's options when it takes it over.
 * @throws an error that names listener and address.
 */
export async function acceptForWorkers(
  listener: PlacedListener,
  handOver: (listener: string, socket: Socket) => void,
): Promise<readonly Server[]> {
  const servers: Server[] = [];
  for (const address of listener.addresses) {
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (socket) =>
      handOver(listener.name, socket),
    );
    servers.push(server);
    await listen(server, address).catch((cause: Error) => {
      throw new Error(`listener ${listener.name} ${cause.message}`, { cause });
    });
  }
  return servers;
}
