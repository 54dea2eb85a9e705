import { lookup } from "node:dns/promises";
import { createServer, isIP, type Server } from "node:net";
import { isDeepStrictEqual } from "node:util";
import { canonicalAddress, formatAddress, type SocketAddress } from "../../lib/address.ts";
import { inheritedSockets } from "../../lib/inherited-sockets.ts";
import { listen, listenError } from "../../lib/listen.ts";
import { probe } from "../../lib/probe.ts";
import { TakenAddresses } from "../../model/check/binds.ts";
import type { Listener } from "../../model/listener.ts";
import type { BoundListener } from "../state/listener-places.ts";

/** Where the kernel spreads the connections of several sockets on one port (SO_REUSEPORT), as Node has it. */
const sharesPorts = new Set(["linux", "freebsd", "dragonfly", "sunos", "aix"]);

/** The addresses that the listeners' `bind`s mean. */
export interface Bound {
  readonly listeners: ReadonlyMap<string, BoundListener>;
  /** Gives up the ports that the system chose for port 0: by now they are served. */
  release(): void;
}

/** A listener that is served now, with its addresses. */
export type Served = Pick<Listener, "name" | "bind"> & BoundListener;

/**
 * Finds out what each listener's `bind` means and that it can be had: names are resolved, port 0 gets its port, and
 * an address that someone else has is refused here, because sockets that share a port would not notice. A port that
 * the system chose is held until it is served, so that it is given to nobody else meanwhile.
 * @param served listeners that have their addresses already. One whose `bind` stays keeps them; others may have them, too.
 * @throws AggregateError with one error for each listener that can't have its address.
 */
export async function bindListeners(
  listeners: readonly Listener[],
  served: readonly Served[] = [],
): Promise<Bound> {
  const bound = new Map<string, BoundListener>();
  const errors: Error[] = [];
  const binder = new Binder(served);
  for (const { name, bind } of listeners) {
    try {
      bound.set(name, await binder.bind(name, bind));
    } catch (cause) {
      errors.push(new Error(`listener ${name} ${(cause as Error).message}`, { cause }));
    }
  }
  binder.release(errors.length === 0);
  if (errors.length > 0) throw new AggregateError(errors, errors.map((error) => error.message).join("\n"));
  return { listeners: bound, release: () => binder.release() };
}

class Binder {
  readonly #served: ReadonlyMap<string, Served>;
  /** The addresses that this process has, as text. */
  readonly #own: ReadonlySet<string>;
  /** Those that another process has, from which this one takes them. */
  readonly #replaced: ReadonlySet<string>;
  /** And its ports. */
  readonly #ownPorts: ReadonlySet<number>;
  /** Open until every listener has its addresses, so that no two get the same one. */
  readonly #probes = new Set<Probe>();
  /** The listeners that have addresses by this binding. */
  readonly #given = new TakenAddresses<string>();

  constructor(served: readonly Served[]) {
    const addresses = served.flatMap((listener) => listener.addresses);
    this.#served = new Map(served.map((listener) => [listener.name, listener]));
    this.#own = new Set(addresses.map(formatAddress));
    this.#replaced = new Set(
      served.filter(({ replaces }) => replaces).flatMap((listener) => listener.addresses.map(formatAddress)),
    );
    this.#ownPorts = new Set(addresses.flatMap((address) => (address.kind === "tcp" ? [address.port] : [])));
  }

  /** @param hold whether ports that the system chose are still held. */
  release(hold = false): void {
    for (const probe of this.#probes) {
      if (hold && probe.held) continue;
      probe.server.close();
      this.#probes.delete(probe);
    }
  }

  async bind(name: string, bind: SocketAddress): Promise<BoundListener> {
    const before = this.#served.get(name);
    if (before !== undefined && isDeepStrictEqual(before.bind, bind)) {
      for (const address of before.addresses) this.#give(name, address);
      return {
        addresses: before.addresses,
        accept: before.accept,
        ...(before.replaces === true && { replaces: true }),
      };
    }
    if (inheritedSockets.has(name)) {
      const address = literal(bind);
      this.#give(name, address);
      return { addresses: [address], accept: "handed-over" };
    }
    if (bind.kind === "unix")
      return {
        addresses: [await this.#take(name, bind, false)],
        accept: "one-worker",
        ...(this.#replaced.has(formatAddress(bind)) && { replaces: true }),
      };
    const shared = sharesPorts.has(process.platform);
    const addresses = await this.#takeHosts(name, bind, shared && bind.port === 0);
    return { addresses, accept: shared ? "shared-port" : "handed-over" };
  }

  async #takeHosts(
    name: string,
    bind: SocketAddress & { readonly kind: "tcp" },
    held: boolean,
  ): Promise<readonly SocketAddress[]> {
    let { port } = bind;
    const addresses: SocketAddress[] = [];
    const hosts = new Set(await resolveHost(bind));
    for (const [index, host] of [...hosts].entries()) {
      try {
        const address = await this.#take(name, { ...bind, host, port }, held);
        if (address.kind === "tcp") port = address.port;
        addresses.push(address);
      } catch (error) {
        // localhost is often ::1 too on machines that have no IPv6.
        const last = index === hosts.size - 1;
        if ((error as NodeJS.ErrnoException).code !== "EADDRNOTAVAIL" || (last && addresses.length === 0))
          throw error;
      }
    }
    return addresses;
  }

  /**
   * Finds out that an address can be had. Nobody listens on it before the workers do: a client that is early is refused,
   * and a check of the port fails until umay serves it.
   * @param held whether the system chooses its port, which is then held until the workers have it, too.
   * @returns the address, with the port that the system chose for port 0.
   */
  async #take(name: string, address: SocketAddress, held: boolean): Promise<SocketAddress> {
    if (held || (address.kind === "tcp" && address.port === 0)) return this.#hold(name, address, held);
    this.#give(name, address);
    if (this.#own.has(formatAddress(address))) return address;
    // This process shares a port that it has with nobody else, so that much is known; the host may be another machine's.
    const shared = address.kind === "tcp" && this.#ownPorts.has(address.port);
    await probe(shared ? { ...address, port: 0 } : address);
    return address;
  }

  async #hold(name: string, address: SocketAddress, held: boolean): Promise<SocketAddress> {
    // Nobody could serve a client that is this early; nobody knows the port either.
    const server = createServer((socket) => socket.destroy()).unref();
    const bound = await listen(server, address, { reusePort: held });
    this.#probes.add({ server, held });
    this.#give(name, bound);
    return bound;
  }

  /** Two listeners can't share an address: the kernel would not mind. */
  #give(name: string, address: SocketAddress): void {
    const canonical = canonicalAddress(address);
    const other = this.#given.colliding(canonical);
    if (other !== undefined)
      throw new Error(
        `cannot listen on ${formatAddress(address)}: listener ${other} does; choose another port or address`,
      );
    this.#given.add(canonical, name);
  }
}

interface Probe {
  readonly server: Server;
  readonly held: boolean;
}

/** The address of a socket that is open already. @throws unless it can be told from `bind`. */
function literal(bind: SocketAddress): SocketAddress {
  if (bind.kind === "unix" || (isIP(bind.host) !== 0 && bind.port !== 0)) return bind;
  throw new Error(
    `cannot take the socket that it was started with: ${formatAddress(bind)} has to be an IP address and a port`,
  );
}

async function resolveHost(bind: SocketAddress & { readonly kind: "tcp" }): Promise<readonly string[]> {
  if (isIP(bind.host) !== 0) return [bind.host];
  const found = await lookup(bind.host, { all: true }).catch((error: NodeJS.ErrnoException) => {
    throw listenError(error, bind);
  });
  return found.map(({ address }) => address);
}
