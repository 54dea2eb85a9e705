import { canonicalAddress, isIpv6Host, type SocketAddress } from "../../lib/address.ts";
import type { Path } from "../../lib/findings.ts";
import type { Model } from "../model.ts";
import type { ModelFinding } from "./finding.ts";

/** An address to bind, and the part of the model that asks for it. */
export interface Bind {
  readonly path: Path;
  readonly address: SocketAddress;
}

/** Every address that a model binds: the listeners' first. */
export function bindsOf({ listeners, admin }: Pick<Model, "listeners" | "admin">): readonly Bind[] {
  const binds = listeners.map(({ name, bind }) => ({ path: ["listeners", name, "bind"], address: bind }));
  return admin === undefined ? binds : [...binds, { path: ["admin", "bind"], address: admin.bind }];
}

/**
 * Finds binds that would take each other's connections. The kernel does not refuse listeners that do: sockets that share
 * their port with other workers (SO_REUSEPORT) also share it with another listener.
 */
export function checkBinds(binds: readonly Bind[]): readonly ModelFinding[] {
  const taken = new TakenAddresses<Bind>();
  return binds.flatMap((bind) => {
    const { path, address } = bind;
    const canonical = canonicalAddress(address);
    // The admin server does not share its port.
    const by = path[0] === "admin" ? taken.overlapping(canonical) : taken.colliding(canonical);
    taken.add(canonical, bind);
    return by === undefined ? [] : [{ kind: "bind_taken" as const, path, address, by }];
  });
}

/** Canonical addresses with who has them. Asking for one that collides costs the same for many. */
export class TakenAddresses<Owner> {
  /** The first of each; others like it collide with the same ones. */
  readonly #first = new Map<
    string,
    { readonly address: SocketAddress; readonly owner: Owner; readonly order: number }
  >();

  add(address: SocketAddress, owner: Owner): void {
    const key = keyOf(address);
    if (!this.#first.has(key)) this.#first.set(key, { address, owner, order: this.#first.size });
  }

  /** @returns the first one that gets the same connections, see {@link collide}. */
  colliding(address: SocketAddress): Owner | undefined {
    const others = keysBeside(address).map((key) => this.#first.get(key));
    return others
      .filter((other) => other !== undefined && collide(other.address, address))
      .sort((one, other) => one!.order - other!.order)[0]?.owner;
  }

  /** @returns the first one to which some of the same connections could go; looks at each. */
  overlapping(address: SocketAddress): Owner | undefined {
    return this.#first.values().find((other) => overlap(other.address, address))?.owner;
  }
}

const keyOf = (address: SocketAddress): string =>
  address.kind === "unix" ? `unix ${address.path}` : portKey(address, address.host, address.v6Only ?? false);

const portKey = ({ port }: Port, host: string, v6Only: boolean): string => `${port} ${host} ${v6Only}`;

const loopbacks: readonly string[] = ["localhost", "127.0.0.1", "::1"];

/** The keys of all that {@link collide} with an address, and of others. */
function keysBeside(address: SocketAddress): readonly string[] {
  if (address.kind === "unix") return [keyOf(address)];
  const { host } = address;
  const hosts = isEverywhere(host) ? everywhere : loopbacks.includes(host) ? loopbacks : [host];
  return hosts.flatMap((each) => [true, false].map((v6Only) => portKey(address, each, v6Only)));
}

/**
 * Whether both addresses get the same connections. Beside every address of a family, one address does not collide: the
 * kernel gives its connections to the socket that is bound to it alone. Both canonical.
 */
export function collide(a: SocketAddress, b: SocketAddress): boolean {
  if (a.kind === "unix" || b.kind === "unix") return overlap(a, b);
  return overlap(a, b) && isEverywhere(a.host) === isEverywhere(b.host);
}

const everywhere: readonly string[] = ["::", "0.0.0.0"];
const isEverywhere = (host: string): boolean => everywhere.includes(host);

type Port = SocketAddress & { readonly kind: "tcp" };

/** Whether some connections could go to either address. Both canonical. */
function overlap(a: SocketAddress, b: SocketAddress): boolean {
  if (a.kind === "unix") return b.kind === "unix" && a.path === b.path;
  if (b.kind === "unix" || a.port !== b.port || a.port === 0) return false;
  return covers(a, b) || covers(b, a);
}

/** Whether a socket on one address could also get connections to the other. `[::]` takes IPv4 too, unless it is told not to. */
function covers({ host, v6Only }: Port, { host: other }: Port): boolean {
  if (host === other) return true;
  if (host === "::") return !v6Only || isIpv6Host(other);
  if (host === "0.0.0.0") return !isIpv6Host(other);
  return host === "localhost" && (other === "127.0.0.1" || other === "::1");
}
