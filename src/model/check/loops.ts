import { canonicalAddress, isIpv6Host, type SocketAddress } from "../../lib/address.ts";
import { poolsOf } from "../chain.ts";
import type { Listener } from "../listener.ts";
import type { Model } from "../model.ts";
import type { ModelFinding } from "./finding.ts";

/** Where connections come in, and where they go on to. */
export interface Network {
  readonly listeners: readonly (Pick<Listener, "name" | "chains"> & {
    /** With the ports that they have. */
    readonly addresses: readonly SocketAddress[];
  })[];
  backendsOf(pool: string): readonly { readonly target: SocketAddress }[];
  /** IP addresses of this machine. */
  readonly own: ReadonlySet<string>;
}

/**
 * Finds out whether a connection to a backend would come back to its pool: one client would then take every connection that
 * there is. Listeners that lead to other listeners are no loop by themselves.
 * @returns the name of the listener that has the backend's address; undefined where nothing comes back.
 */
export function leadsBack(pool: string, target: SocketAddress, network: Network): string | undefined {
  const first = listenersAt(target, network);
  const reached = new Set(first);
  // The loop also walks through those that are added meanwhile.
  for (const { chains } of reached)
    for (const next of poolsOf(chains)) {
      if (next === pool) return first[0]!.name;
      for (const backend of network.backendsOf(next))
        for (const listener of listenersAt(backend.target, network)) reached.add(listener);
    }
  return undefined;
}

/** The listeners with this very address or, where there is none, those on every address. */
export function listenersAt<L extends Pick<Network["listeners"][number], "addresses">>(
  target: SocketAddress,
  { listeners, own }: { readonly listeners: readonly L[]; readonly own: Network["own"] },
): readonly L[] {
  const having = (has: (bind: SocketAddress) => boolean) =>
    listeners.filter(({ addresses }) => addresses.some(has));
  const reached = reachedAt(target);
  const exact = having((bind) => isAt(bind, reached));
  return exact.length > 0 ? exact : having((bind) => takesAll(bind, reached, own));
}

/** The address that a connection reaches: an unspecified one stands for loopback, and a zone makes it no other. */
function reachedAt(target: SocketAddress): SocketAddress {
  if (target.kind === "unix") return target;
  const [host = ""] = hostOf(target).split("%");
  return { ...target, host: host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host };
}

function isAt(bind: SocketAddress, target: SocketAddress): boolean {
  if (bind.kind === "unix" || target.kind === "unix")
    return bind.kind === "unix" && target.kind === "unix" && bind.path === target.path;
  if (bind.port !== target.port || bind.port === 0) return false;
  const [mine, theirs] = [hostOf(bind), hostOf(target)];
  if (mine === theirs || (isLoopback(mine) && theirs === "localhost")) return true;
  return mine === "localhost" && (theirs === "127.0.0.1" || theirs === "::1");
}

function takesAll(bind: SocketAddress, target: SocketAddress, own: Network["own"]): boolean {
  if (bind.kind === "unix" || target.kind === "unix" || bind.port !== target.port) return false;
  const [mine, theirs] = [hostOf(bind), hostOf(target)];
  const everywhere =
    mine === "::"
      ? !bind.v6Only || theirs === "localhost" || isIpv6Host(theirs)
      : mine === "0.0.0.0" && !isIpv6Host(theirs);
  return everywhere && (isLoopback(theirs) || theirs === "localhost" || own.has(theirs));
}

const hostOf = (address: SocketAddress & { readonly kind: "tcp" }): string =>
  (canonicalAddress(address) as typeof address).host;

const isLoopback = (host: string): boolean => host === "::1" || host.startsWith("127.");

/** Finds configured backends whose connections come back to their pool. @param own addresses of this machine. */
export function checkLoops(
  { listeners, pools }: Pick<Model, "listeners" | "pools">,
  own: ReadonlySet<string>,
): readonly ModelFinding[] {
  const configured = new Map(
    pools.map(({ name, discovery }) => [name, discovery.type === "static" ? discovery.backends : []]),
  );
  const network: Network = {
    listeners: listeners.map(({ name, chains, bind }) => ({ name, chains, addresses: [bind] })),
    backendsOf: (pool) => configured.get(pool) ?? [],
    own,
  };
  return [...configured].flatMap(([pool, backends]) =>
    backends.flatMap(({ address, target }, index): readonly ModelFinding[] => {
      const listener = leadsBack(pool, target, network);
      const path = ["pools", pool, "discovery", "backends", index];
      return listener === undefined ? [] : [{ kind: "leads_back", path, address, listener }];
    }),
  );
}
