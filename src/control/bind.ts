import { lookup } from "node:dns/promises";
import { createServer, isIP } from "node:net";
import type { SocketAddress } from "../lib/address.ts";
import { listen, listenError } from "../lib/listen.ts";
import type { Listener } from "../model/listener.ts";
import type { BoundListener } from "./store.ts";

/** Where the kernel spreads the connections of several sockets on one port (SO_REUSEPORT), as Node has it. */
const sharesPorts = new Set(["linux", "freebsd", "dragonfly", "sunos", "aix"]);

/**
 * Finds out what each listener's `bind` means and that it can be had: names are resolved, port 0 gets its port, and
 * a port that someone else has is refused here, because sockets that share a port would not notice.
 * @throws AggregateError with one error for each listener that can't have its address.
 */
export async function bindListeners(
  listeners: readonly Listener[],
): Promise<ReadonlyMap<string, BoundListener>> {
  const bound = new Map<string, BoundListener>();
  const errors: Error[] = [];
  for (const listener of listeners) {
    try {
      bound.set(listener.name, await bindListener(listener.bind));
    } catch (cause) {
      errors.push(new Error(`listener ${listener.name} ${(cause as Error).message}`, { cause }));
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, errors.map((error) => error.message).join("\n"));
  return bound;
}

async function bindListener(bind: SocketAddress): Promise<BoundListener> {
  if (bind.kind === "unix") return { addresses: [bind], accept: "handed-over" };
  let { port } = bind;
  const addresses: SocketAddress[] = [];
  const hosts = new Set(await resolveHost(bind));
  for (const [index, host] of [...hosts].entries()) {
    try {
      port = await probePort(host, port);
      addresses.push({ kind: "tcp", host, port });
    } catch (error) {
      // localhost is often ::1 too on machines that have no IPv6.
      const last = index === hosts.size - 1;
      if ((error as NodeJS.ErrnoException).code !== "EADDRNOTAVAIL" || (last && addresses.length === 0))
        throw error;
    }
  }
  return { addresses, accept: sharesPorts.has(process.platform) ? "shared-port" : "handed-over" };
}

async function resolveHost(bind: SocketAddress & { readonly kind: "tcp" }): Promise<readonly string[]> {
  if (isIP(bind.host) !== 0) return [bind.host];
  const found = await lookup(bind.host, { all: true }).catch((error: NodeJS.ErrnoException) => {
    throw listenError(error, bind);
  });
  return found.map(({ address }) => address);
}

/** @returns the port, which the system has chosen where 0 was asked for. */
async function probePort(host: string, port: number): Promise<number> {
  const server = createServer();
  const address = await listen(server, { kind: "tcp", host, port });
  await new Promise((resolve) => server.close(resolve));
  return address.kind === "tcp" ? address.port : port;
}
