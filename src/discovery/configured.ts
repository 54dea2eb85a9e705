import { isIP, isIPv4 } from "node:net";
import { formatAddress, type SocketAddress } from "../lib/address.ts";
import { canonicalName } from "../lib/host-name.ts";
import { isHere, ownAddresses } from "../lib/own-addresses.ts";
import { err, ok, type Result } from "../lib/result.ts";
import { type Backend, mostOthers } from "../model/backend.ts";
import type { StaticDiscovery } from "../model/pool.ts";
import { distinctBackends, sameBackends } from "./backends.ts";
import { type DiscoveryDependencies, jitter } from "./dependencies.ts";
import type { DiscoveryError } from "./source.ts";

/** Time between two lookups of a host name, in milliseconds. A hosts file has no TTL. */
const lookupInterval = 10_000;

/**
 * How long the first set of a list waits for host names that are still being looked up, in milliseconds. Without it,
 * the backends that are known first (a backup, perhaps) would take every session of the first moment.
 */
const firstSetPatience = 500;

type EveryAddress = StaticDiscovery["everyAddress"];

/** The state of a host name of a list. */
interface Host {
  readonly name: string;
  /** The last good address, which its backends are known by. */
  address: string | undefined;
  /** Its other addresses, in an order that depends on them alone. */
  others: readonly string[];
  /** All of them, in order. */
  all: readonly string[];
  /** Why the last lookup failed; undefined when it did not. */
  failure: string | undefined;
  /** The present outage was reported. */
  told: boolean;
}

/**
 * A list of backends written by a person. Host names are looked up as the system does it, each on its own, so that a name
 * that does not resolve delays no other. The state of a name outlives a change of the list.
 */
export class ConfiguredBackends {
  readonly #dependencies: DiscoveryDependencies;
  readonly #every: EveryAddress;
  readonly #elsewhere: boolean;
  #hosts: ReadonlyMap<string, Host> = new Map();
  #served: readonly Backend[] = [];
  /** The last report was an error. */
  #troubled = false;
  #listFault = false;

  /**
   * @param every which addresses of a host name are backends of their own.
   * @param elsewhere whether addresses of this machine are left out.
   */
  constructor(dependencies: DiscoveryDependencies, every?: EveryAddress, elsewhere = false) {
    this.#dependencies = dependencies;
    this.#every = every;
    this.#elsewhere = elsewhere;
  }

  /** The error for a fault of the list itself. The source counts as failing until {@link listWell}. */
  listFailed(message: string): DiscoveryError {
    this.#listFault = true;
    this.#troubled = true;
    return { message, serving: this.#served.length > 0 ? "last-good" : "nothing" };
  }

  listWell(): void {
    this.#listFault = false;
  }

  /** As {@link DiscoverySource}, for one list. */
  async *watch(
    given: readonly Backend[],
    signal: AbortSignal,
  ): AsyncGenerator<Result<readonly Backend[], DiscoveryError>> {
    if (signal.aborted) return;
    const list = this.#elsewhere ? given.filter(({ target }) => !leadsHere(target)) : given;
    const hosts = this.#hostsOf(list);
    const stop = new AbortController();
    const ended = AbortSignal.any([signal, stop.signal]);
    let news = Promise.withResolvers<void>();
    const tell = (): void => news.resolve();
    ended.addEventListener("abort", tell, { once: true });
    const first = [...hosts.values()].map(async (host) => {
      await this.#lookUp(host, ended);
      void this.#follow(host, tell, ended);
    });
    try {
      if (hosts.size > 0)
        await Promise.race([Promise.all(first), this.#dependencies.clock.sleep(firstSetPatience, ended)]);
      while (!signal.aborted) {
        news = Promise.withResolvers();
        const backends = resolved(list, hosts, this.#every);
        const well = !this.#listFault && [...hosts.values()].every((host) => !host.told);
        if ((this.#troubled && well) || !sameBackends(backends, this.#served)) {
          this.#troubled = false;
          this.#served = backends;
          yield ok(backends);
        }
        for (const host of hosts.values()) {
          if (host.failure === undefined || host.told || signal.aborted) continue;
          host.told = true;
          this.#troubled = true;
          yield err(failureOf(host, host.failure, this.#served.length));
        }
        await news.promise;
      }
    } finally {
      stop.abort();
    }
  }

  /** The names of a list. A name that was in the last list keeps its state. */
  #hostsOf(list: readonly Backend[]): ReadonlyMap<string, Host> {
    const hosts = new Map<string, Host>();
    for (const { target } of list) {
      if (target.kind === "unix" || isIP(target.host) !== 0) continue;
      const unknown = {
        name: target.host,
        address: undefined,
        others: [],
        all: [],
        failure: undefined,
        told: false,
      };
      hosts.set(target.host, this.#hosts.get(target.host) ?? unknown);
    }
    this.#hosts = hosts;
    return hosts;
  }

  async #follow(host: Host, tell: () => void, ended: AbortSignal): Promise<void> {
    const { clock, random } = this.#dependencies;
    for (;;) {
      tell();
      await clock.sleep(jitter(lookupInterval, random), ended);
      if (ended.aborted) return;
      await this.#lookUp(host, ended);
    }
  }

  async #lookUp(host: Host, ended: AbortSignal): Promise<void> {
    try {
      const all = await this.#dependencies.lookup(host.name, ended);
      const addresses = this.#elsewhere ? away(host.name, all) : all;
      // A name with several addresses is no moving backend when they only come in another order.
      if (host.address === undefined || !addresses.includes(host.address))
        host.address = addresses.find(isIPv4) ?? addresses[0];
      if (host.address === undefined) throw new Error(`${host.name}: no address`);
      host.others = othersOf(addresses, host.address);
      host.all = [...new Set(addresses)].sort().slice(0, mostOfName);
      host.failure = undefined;
      host.told = false;
    } catch (error) {
      // A cancelled lookup means nothing.
      if (!ended.aborted) host.failure = (error as Error).message;
    }
  }
}

/** The configured backends, with IP addresses for host names. A backend whose name has no address yet is left out. */
function resolved(
  list: readonly Backend[],
  hosts: ReadonlyMap<string, Host>,
  every: EveryAddress,
): readonly Backend[] {
  const backends = list.flatMap((backend) => {
    const host = backend.target.kind === "tcp" ? hosts.get(backend.target.host) : undefined;
    if (backend.target.kind === "unix" || host === undefined) return [backend];
    if (host.address === undefined) return [];
    const hostName = canonicalName(host.name);
    const { others } = host;
    const at = (address: string) => {
      const target = { ...backend.target, host: address } as const;
      return { ...backend, target, address: formatAddress(target), hostName };
    };
    if (every !== undefined) return families[every](host.all).map(at);
    const target = { ...backend.target, host: host.address };
    const found = { ...backend, target, address: formatAddress(target), hostName };
    return [others.length === 0 ? found : { ...found, others }];
  });
  return distinctBackends(backends);
}

const leadsHere = (target: SocketAddress): boolean =>
  target.kind === "unix" || (isIP(target.host) !== 0 && isHere(target.host));

/** @throws Error where a name has addresses of this machine alone. */
function away(name: string, addresses: readonly string[]): readonly string[] {
  const own = ownAddresses();
  const found = addresses.filter((address) => !isHere(address, own));
  if (found.length === 0 && addresses.length > 0)
    throw new Error(`${name}: ${addresses.join(", ")} is umay's own machine, where it may not lead`);
  return found;
}

/** A host name has no more backends than this. */
const mostOfName = 256;

const families: Readonly<Record<NonNullable<EveryAddress>, (all: readonly string[]) => readonly string[]>> = {
  all: (all) => all,
  v4: (all) => all.filter(isIPv4),
  v6: (all) => all.filter((address) => !isIPv4(address)),
  "v4-first": (all) => (all.some(isIPv4) ? families.v4(all) : all),
  "v6-first": (all) => (all.every(isIPv4) ? all : families.v6(all)),
};

/** IPv4 addresses first, as for the address itself. */
function othersOf(addresses: readonly string[], address: string): readonly string[] {
  const others = [...new Set(addresses)].filter((other) => other !== address).sort();
  return [...others.filter(isIPv4), ...others.filter((other) => !isIPv4(other))].slice(0, mostOthers);
}

function failureOf({ address }: Host, failure: string, serving: number): DiscoveryError {
  const meanwhile =
    address === undefined ? "its backends are left out until it resolves" : `${address} is kept`;
  return { message: `${failure}; ${meanwhile}`, serving: serving > 0 ? "last-good" : "nothing" };
}
