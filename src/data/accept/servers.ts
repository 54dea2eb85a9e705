import { createServer, type Server, type Socket } from "node:net";
import type { SocketAddress } from "../../lib/address.ts";
import { isDead, listen } from "../../lib/listen.ts";
import {
  fileIdentity,
  isAbstract,
  presentIdentity,
  type SocketRights,
  setSocketRights,
} from "../../lib/socket-file.ts";
import { isLeaving } from "../../lib/socket-place.ts";
import type { PlacedListener } from "../../model/snapshot.ts";
import { acceptBacklog, tcpOptions } from "../sockets/options.ts";

/**
 * Opens this worker's own socket on each of the listener's addresses; the kernel spreads connections over the workers
 * that did (SO_REUSEPORT). All or none: when one fails, the others are closed again.
 * @param pauseOnConnect whether connections come unread, so that they may move to another thread.
 * @param rights of a unix socket's file, as they are configured now.
 * @throws an error that names listener and address.
 */
export async function openServers(
  listener: PlacedListener,
  onConnection: (socket: Socket) => void,
  onError: (error: Error) => void,
  pauseOnConnect: boolean,
  rights: () => SocketRights | undefined,
): Promise<readonly Server[]> {
  const servers: Server[] = [];
  try {
    for (const address of listener.addresses) {
      const server = createServer({ ...tcpOptions, pauseOnConnect }, onConnection);
      servers.push(server);
      await listen(server, address, {
        reusePort: true,
        backlog: acceptBacklog,
        replace: listener.replaces ?? false,
        prepare: (file) => prepare(address, rights(), file),
      });
      server.on("error", onError);
      if (address.kind === "unix" && !isAbstract(address.path))
        keepSocketFile(server, address, rights, (message) =>
          onError(new Error(`listener ${listener.name}: ${address.path} ${message}`)),
        );
    }
  } catch (cause) {
    for (const server of servers) server.close();
    throw new Error(`listener ${listener.name} ${(cause as Error).message}`, { cause });
  }
  return servers;
}

/** Time between two looks at the file of a unix socket, in milliseconds. */
const look = 1_000;
/** One who takes over has the path before this one closes: looks at a file that another one serves before that is complained of. */
const patientLooks = 10;

/** Before anybody can connect. */
function prepare(address: SocketAddress, rights: SocketRights | undefined, file: string): void {
  if (address.kind === "unix" && rights !== undefined) setSocketRights(address.path, rights, file);
}

/**
 * Makes the file of a unix socket anew when it has vanished (a clean-up of /tmp or /run, say): otherwise
 * nobody could connect any more, and nobody would know.
 */
function keepSocketFile(
  server: Server,
  address: SocketAddress & { readonly kind: "unix" },
  rights: () => SocketRights | undefined,
  complain: (message: string) => void,
): void {
  const { path } = address;
  let known = presentIdentity(path);
  /** Looks in a row that have found a file that another one serves. */
  let others = 0;
  let looking = false;
  const lookAgain = async (): Promise<void> => {
    const seen = await fileIdentity(path);
    const isOwn = seen === known;
    const isDeadFile = seen !== undefined && !isOwn && (await isDead(path));
    if (!server.listening || isLeaving(server)) return;
    const isOther = seen !== undefined && !isOwn && !isDeadFile;
    others = isOther ? others + 1 : 0;
    if (others === patientLooks)
      complain("is another file now, and clients do not reach umay; remove it, and it is made anew");
    if (isOwn || isOther) return;
    complain(isDeadFile ? "is nobody's any more; it is made anew" : "has vanished; it is made anew");
    server.close();
    await listen(server, address, {
      backlog: acceptBacklog,
      prepare: (file) => prepare(address, rights(), file),
    });
    if (isLeaving(server)) return void server.close();
    known = presentIdentity(path);
  };
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    lookAgain()
      .catch((error: Error) => complain(`cannot be made anew: ${error.message}`))
      .finally(() => {
        looking = false;
        if (!server.listening) clearInterval(timer);
      });
  }, look).unref();
  server.on("close", () => looking || clearInterval(timer));
}
