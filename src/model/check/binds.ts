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
 * Finds binds that would take each other's connections. The kernel does not refuse them: sockets that share their port
 * with other workers (SO_REUSEPORT) also share it with another listener.
 */
export function checkBinds(binds: readonly Bind[]): readonly ModelFinding[] {
  const canonical = binds.map(({ address }) => canonicalAddress(address));
  return binds.flatMap(({ path, address }, index) => {
    const clash = canonical.slice(0, index).findIndex((earlier) => overlap(earlier, canonical[index]!));
    return clash === -1 ? [] : [{ kind: "bind_taken" as const, path, address, by: binds[clash]! }];
  });
}

/** Whether a socket on one address would take connections to the other. Both canonical. */
export function overlap(a: SocketAddress, b: SocketAddress): boolean {
  if (a.kind === "unix") return b.kind === "unix" && a.path === b.path;
  if (b.kind === "unix" || a.port !== b.port || a.port === 0) return false;
  return covers(a.host, b.host) || covers(b.host, a.host);
}

/** Whether a socket on one host also gets connections to the other. `[::]` takes IPv4 too. */
function covers(host: string, other: string): boolean {
  if (host === other || host === "::") return true;
  if (host === "0.0.0.0") return !isIpv6Host(other);
  return host === "localhost" && (other === "127.0.0.1" || other === "::1");
}
