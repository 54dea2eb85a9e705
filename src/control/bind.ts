import { lookup } from "node:dns/promises";
import { unlink } from "node:fs/promises";
import { connect, createServer, isIP, type Server } from "node:net";
import { formatAddress, type SocketAddress } from "../lib/address.ts";
import type { Listener } from "../model/listener.ts";
import type { BoundListener } from "./store.ts";

/** Where the kernel spreads the connections of several sockets on one port (SO_REUSEPORT), as Node has it. */
const sharesPorts = new Set(["linux", "freebsd", "dragonfly", "sunos", "aix"]);

/** A listener that can't have its address. */
export class BindError extends Error {
  override readonly name = "BindError";
}

/**
 * Finds out what each listener's `bind` means and that it can be had: names are resolved, port 0 gets its port, and
 * a port that someone else has is refused here, because sockets that share a port would not notice.
 * @throws AggregateError with one {@link BindError} for each listener that can't have its address.
 */
export async function bindListeners(
  listeners: readonly Listener[],
): Promise<ReadonlyMap<string, BoundListener>> {
  const bound = new Map<string, BoundListener>();
  const errors: BindError[] = [];
  for (const listener of listeners) {
    try {
      bound.set(listener.name, await bindListener(listener.bind));
    } catch (error) {
      const cause = error as NodeJS.ErrnoException;
      const what = `listener ${listener.name} cannot listen on ${formatAddress(listener.bind)}`;
      errors.push(new BindError(`${what}: ${explainBindError(cause, listener.bind)}`, { cause }));
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, errors.map((error) => error.message).join("\n"));
  return bound;
}

async function bindListener(bind: SocketAddress): Promise<BoundListener> {
  if (bind.kind === "unix") {
    await removeStaleSocket(bind.path);
    return { addresses: [bind], accept: "handed-over" };
  }
  const hosts = isIP(bind.host)
    ? [bind.host]
    : (await lookup(bind.host, { all: true })).map((found) => found.address);
  let { port } = bind;
  const addresses: SocketAddress[] = [];
  for (const host of new Set(hosts)) {
    port = await probePort(host, port);
    addresses.push({ kind: "tcp", host, port });
  }
  return { addresses, accept: sharesPorts.has(process.platform) ? "shared-port" : "handed-over" };
}

/** @returns the port, which the system has chosen where 0 was asked for. */
async function probePort(host: string, port: number): Promise<number> {
  const server = createServer();
  await listening(server, { kind: "tcp", host, port });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : port;
}

/** Makes a server listen. @throws the system's error. */
export function listening(server: Server, address: SocketAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    const done = (): void => {
      server.removeListener("error", reject);
      resolve();
    };
    if (address.kind === "unix") server.listen({ path: address.path }, done);
    else server.listen({ host: address.host, port: address.port }, done);
  });
}

/** A unix socket that nobody serves any more is removed; one that is served is left alone. */
async function removeStaleSocket(path: string): Promise<void> {
  const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    const socket = connect({ path }, () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.on("error", resolve);
  });
  if (error === undefined) throw Object.assign(new Error("in use"), { code: "EADDRINUSE" });
  if (error.code === "ECONNREFUSED") await unlink(path);
}

/** What went wrong, and what to do. */
function explainBindError(error: NodeJS.ErrnoException, bind: SocketAddress): string {
  const port = bind.kind === "tcp" ? bind.port : 0;
  switch (error.code) {
    case "EADDRINUSE":
      return bind.kind === "unix"
        ? "another process serves this socket (EADDRINUSE); stop it, or choose another path"
        : `the port is in use (EADDRINUSE); 'ss -ltnp sport = :${port}' shows by whom`;
    case "EACCES":
      return bind.kind === "unix"
        ? "no right to create the socket there (EACCES); give the folder to the user that umay runs as"
        : `ports below 1024 need a right that this process lacks (EACCES); grant CAP_NET_BIND_SERVICE, or bind a higher port`;
    case "EADDRNOTAVAIL":
      return "the address is not one of this machine (EADDRNOTAVAIL); 'ip address' lists them";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `the name cannot be resolved (${error.code}); write an address, or mend the name`;
    default:
      return error.message;
  }
}
