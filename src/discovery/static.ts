import { isIP, isIPv4 } from "node:net";
import { formatAddress } from "../lib/address.ts";
import { err, ok, type Result } from "../lib/result.ts";
import type { Backend } from "../model/backend.ts";
import type { StaticDiscovery } from "../model/pool.ts";
import { distinctBackends, sameBackends } from "./backends.ts";
import { type DiscoveryDependencies, jitter } from "./dependencies.ts";
import type { DiscoveryError, DiscoverySource } from "./source.ts";

/** Time between two lookups of a host name, in milliseconds. The system's resolver tells no TTL. */
const lookupInterval = 10_000;

/**
 * How long the first set waits for host names that are still being looked up, in milliseconds. Without it, the
 * backends that are known first (a backup, perhaps) would take every session of the first moment.
 */
const firstSetPatience = 500;

/** A host name of the configuration, and what is known of it. */
interface Host {
  readonly name: string;
  /** The last good one. */
  address: string | undefined;
  /** Why the last lookup failed; undefined: it did not. */
  failure: string | undefined;
  /** The present outage has been told of. */
  told: boolean;
}

/**
 * The backends of the configuration, in its order. Host names are looked up by the system's resolver, each on its own,
 * so that one that does not resolve delays no other.
 */
export function createStaticSource(
  spec: StaticDiscovery,
  dependencies: DiscoveryDependencies,
): DiscoverySource {
  return { watch: (signal) => watch(spec.backends, dependencies, signal) };
}

async function* watch(
  configured: readonly Backend[],
  dependencies: DiscoveryDependencies,
  signal: AbortSignal,
): AsyncGenerator<Result<readonly Backend[], DiscoveryError>> {
  const hosts = hostsOf(configured);
  const stop = new AbortController();
  const ended = AbortSignal.any([signal, stop.signal]);
  let news = Promise.withResolvers<void>();
  const tell = (): void => news.resolve();
  ended.addEventListener("abort", tell, { once: true });
  const first = [...hosts.values()].map(async (host) => {
    await lookUp(host, dependencies.lookup);
    void follow(host, dependencies, tell, ended);
  });
  try {
    if (hosts.size > 0)
      await Promise.race([Promise.all(first), dependencies.clock.sleep(firstSetPatience, ended)]);
    let served: readonly Backend[] = [];
    // An error was the last that was told.
    let troubled = false;
    while (!signal.aborted) {
      news = Promise.withResolvers();
      const backends = resolved(configured, hosts);
      const recovered = troubled && [...hosts.values()].every((host) => !host.told);
      if (recovered || !sameBackends(backends, served)) {
        troubled = false;
        served = backends;
        yield ok(served);
      }
      for (const host of hosts.values()) {
        if (host.failure === undefined || host.told || signal.aborted) continue;
        host.told = true;
        troubled = true;
        yield err(failureOf(host, host.failure, served.length));
      }
      await news.promise;
    }
  } finally {
    stop.abort();
  }
}

function hostsOf(configured: readonly Backend[]): ReadonlyMap<string, Host> {
  const hosts = new Map<string, Host>();
  for (const { target } of configured) {
    if (target.kind === "unix" || isIP(target.host) !== 0) continue;
    hosts.set(target.host, {
      name: target.host,
      address: undefined,
      failure: undefined,
      told: false,
    });
  }
  return hosts;
}

async function follow(
  host: Host,
  { clock, random, lookup }: DiscoveryDependencies,
  tell: () => void,
  ended: AbortSignal,
): Promise<void> {
  for (;;) {
    tell();
    await clock.sleep(jitter(lookupInterval, random), ended);
    if (ended.aborted) return;
    await lookUp(host, lookup);
  }
}

async function lookUp(host: Host, lookup: DiscoveryDependencies["lookup"]): Promise<void> {
  try {
    const addresses = await lookup(host.name);
    // A name with several addresses, given in another order each time, is not a backend that moves.
    if (host.address === undefined || !addresses.includes(host.address))
      host.address = addresses.find(isIPv4) ?? addresses[0];
    if (host.address === undefined) throw new Error("no address");
    host.failure = undefined;
    host.told = false;
  } catch (cause) {
    const error = cause as NodeJS.ErrnoException;
    host.failure = error.code ?? error.message;
  }
}

/** The configured backends with an IP address for every host name; those whose name has none yet are left out. */
function resolved(configured: readonly Backend[], hosts: ReadonlyMap<string, Host>): readonly Backend[] {
  const backends = configured.flatMap((backend) => {
    const host = backend.target.kind === "tcp" ? hosts.get(backend.target.host) : undefined;
    if (backend.target.kind === "unix" || host === undefined) return [backend];
    if (host.address === undefined) return [];
    const target = { ...backend.target, host: host.address };
    return [{ ...backend, target, address: formatAddress(target), hostName: host.name }];
  });
  return distinctBackends(backends);
}

function failureOf({ name, address }: Host, failure: string, serving: number): DiscoveryError {
  const meanwhile =
    address === undefined ? "its backends are left out until it resolves" : `${address} is kept`;
  return {
    message: `${name}: ${failure} from the system's resolver; ${meanwhile}`,
    serving: serving > 0 ? "last-good" : "nothing",
  };
}
