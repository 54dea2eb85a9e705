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
  const canonical = binds.map(({ address }) => canonicalAddress(address));
  return binds.flatMap(({ path, address }, index) => {
    // The admin server does not share its port.
    const excludes = path[0] === "admin" ? overlap : collide;
    const clash = canonical.slice(0, index).findIndex((earlier) => excludes(earlier, canonical[index]!));
    return clash === -1 ? [] : [{ kind: "bind_taken" as const, path, address, by: binds[clash]! }];
  });
}

/**
 * Whether both addresses get the same connections. Beside every address of a family, one address does not collide: the
 * kernel gives its connections to the socket that is bound to it alone. Both canonical.
 */
export function collide(a: SocketAddress, b: SocketAddress): boolean {
  if (a.kind === "unix" || b.kind === "unix") return overlap(a, b);
  return overlap(a, b) && isEverywhere(a.host) === isEverywhere(b.host);
}

const isEverywhere = (host: string): boolean => host === "::" || host === "0.0.0.0";

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
