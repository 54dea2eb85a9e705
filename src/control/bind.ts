import { lookup } from "node:dns/promises";
import { createServer, isIP, type Server } from "node:net";
import type { SocketAddress } from "../lib/address.ts";
import { listen, listenError } from "../lib/listen.ts";
import type { Listener } from "../model/listener.ts";
import type { BoundListener } from "./store.ts";

/** Where the kernel spreads the connections of several sockets on one port (SO_REUSEPORT), as Node has it. */
const sharesPorts = new Set(["linux", "freebsd", "dragonfly", "sunos", "aix"]);

/** What the listeners' `bind`s mean. */
export interface Bound {
  readonly listeners: ReadonlyMap<string, BoundListener>;
  /** Gives up the ports that the system chose for port 0: by now they are served. */
  release(): void;
}

/**
 * Finds out what each listener's `bind` means and that it can be had: names are resolved, port 0 gets its port, and
 * an address that someone else has is refused here, because sockets that share a port would not notice. A port that
 * the system chose is held until it is served, so that it is given to nobody else meanwhile.
 * @throws AggregateError with one error for each listener that can't have its address.
 */
export async function bindListeners(listeners: readonly Listener[]): Promise<Bound> {
  const bound = new Map<string, BoundListener>();
  const errors: Error[] = [];
  // Open until every listener has its addresses, so that no two get the same one.
  const probes: Probe[] = [];
  for (const listener of listeners) {
    try {
      bound.set(listener.name, await bindListener(listener.bind, probes));
    } catch (cause) {
      errors.push(new Error(`listener ${listener.name} ${(cause as Error).message}`, { cause }));
    }
  }
  const failed = errors.length > 0;
  for (const { server, held } of probes) if (failed || !held) server.close();
  if (failed) throw new AggregateError(errors, errors.map((error) => error.message).join("\n"));
  return {
    listeners: bound,
    release() {
      for (const { server, held } of probes) if (held) server.close();
    },
  };
}

interface Probe {
  readonly server: Server;
  readonly held: boolean;
}

async function bindListener(bind: SocketAddress, probes: Probe[]): Promise<BoundListener> {
  if (bind.kind === "unix") return { addresses: [await probe(bind, false, probes)], accept: "one-worker" };
  const shared = sharesPorts.has(process.platform);
  const hold = shared && bind.port === 0;
  let { port } = bind;
  const addresses: SocketAddress[] = [];
  const hosts = new Set(await resolveHost(bind));
  for (const [index, host] of [...hosts].entries()) {
    try {
      const address = await probe({ kind: "tcp", host, port }, hold, probes);
      if (address.kind === "tcp") port = address.port;
      addresses.push(address);
    } catch (error) {
      // localhost is often ::1 too on machines that have no IPv6.
      const last = index === hosts.size - 1;
      if ((error as NodeJS.ErrnoException).code !== "EADDRNOTAVAIL" || (last && addresses.length === 0))
        throw error;
    }
  }
  return { addresses, accept: shared ? "shared-port" : "handed-over" };
}

async function resolveHost(bind: SocketAddress & { readonly kind: "tcp" }): Promise<readonly string[]> {
  if (isIP(bind.host) !== 0) return [bind.host];
  const found = await lookup(bind.host, { all: true }).catch((error: NodeJS.ErrnoException) => {
    throw listenError(error, bind);
  });
  return found.map(({ address }) => address);
}

/**
 * Takes an address for as long as the probe is open.
 * @param held whether it stays open while the workers take the address, too.
 * @returns the address, with the port that the system chose for port 0.
 */
async function probe(address: SocketAddress, held: boolean, probes: Probe[]): Promise<SocketAddress> {
  // Nobody could serve a client that is this early.
  const server = createServer((socket) => socket.destroy()).unref();
  const bound = await listen(server, address, { reusePort: held });
  probes.push({ server, held });
  return bound;
}
