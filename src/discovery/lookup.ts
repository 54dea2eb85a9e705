import { isIPv4 } from "node:net";
import { unmapAddress } from "../lib/address.ts";
import { AddressSet } from "../lib/address-set.ts";
import type { DnsRecord } from "../lib/dns/message.ts";
import { Resolver } from "../lib/dns/resolver.ts";
import { searchNames } from "../lib/dns/system.ts";
import { canonicalName } from "../lib/host-name.ts";
import type { DiscoveryDependencies } from "./dependencies.ts";

/** The result of one round of queries. A cause names the server, but not the name that was asked for. */
export type Round<T> =
  | {
      readonly kind: "found";
      readonly found: T;
      /** The smallest TTL, in milliseconds. */
      readonly ttl: number;
      /** The fault of a part of the answer, and its remedy. */
      readonly problem: string | undefined;
    }
  /** There is no such name, or it has no such record. */
  | { readonly kind: "absent"; readonly cause: string }
  /** No server gave an answer. */
  | { readonly kind: "failed"; readonly cause: string };

/** Looks up an absolute name. Never rejects. Its result means nothing after the signal aborted. */
export type Ask<T> = (name: string, resolver: Resolver, signal: AbortSignal) => Promise<Round<T>>;

/** A name, and the servers to ask. */
export interface Asked {
  readonly name: string;
  /** `ip:port` of each; empty: the system's. */
  readonly nameservers: readonly string[];
}

/**
 * Looks up a name. At its own nameservers the name is absolute. At the system's nameservers the search domains count, and
 * the system's settings are read anew each time. Only an answer that the name is absent leads to the next search domain;
 * after a failure this domain may have been the right one.
 * @returns a round whose cause or problem begins with the name.
 */
export async function askFor<T>(
  { name, nameservers }: Asked,
  ask: Ask<T>,
  { system, query }: Pick<DiscoveryDependencies, "system" | "query">,
  signal: AbortSignal,
): Promise<Round<T>> {
  if (nameservers.length > 0)
    return named(name, await ask(name, new Resolver({ ...query, servers: nameservers }), signal));
  const settings = await system();
  const resolver = new Resolver({ ...query, servers: settings.nameservers });
  const asked: string[] = [];
  let round: Round<T> | undefined;
  for (const candidate of searchNames(name, settings)) {
    asked.push(candidate);
    round = await ask(candidate, resolver, signal);
    if (round.kind !== "absent" || signal.aborted) break;
  }
  const plain = asked.length === 1 && asked[0] === canonicalName(name);
  return named(plain ? name : `${name} (asked for ${asked.join(", ")})`, round!);
}

function named<T>(name: string, round: Round<T>): Round<T> {
  if (round.kind !== "found") return { ...round, cause: `${name}: ${round.cause}` };
  return round.problem === undefined ? round : { ...round, problem: `${name}: ${round.problem}` };
}

export type AddressType = "A" | "AAAA";

/** Asks for a name's addresses of one type. */
export async function askAddresses(
  name: string,
  type: AddressType,
  resolver: Resolver,
  signal: AbortSignal,
): Promise<Round<readonly string[]>> {
  const answer = await resolver.ask(name, type, signal);
  if (answer.kind !== "found") return answer;
  return foundAddresses(answer.records, answer.ttl * 1_000);
}

/** The addresses in records. Those that no backend can have are a problem; a name without others has no address. */
export function foundAddresses(records: readonly DnsRecord[], ttl: number): Round<readonly string[]> {
  const all = records.flatMap(({ type, data }) => (type === "A" || type === "AAAA" ? [data] : []));
  const found = all.filter((address) => !isNobodys(address));
  const strange = [...new Set(all.filter(isNobodys))].sort();
  const cause = `${strange.join(", ")}: no address that a backend can have`;
  if (found.length === 0) return { kind: "absent", cause };
  const problem = strange.length === 0 ? undefined : `${cause}; it is left out`;
  return { kind: "found", found, ttl, problem };
}

/** Unspecified, multicast and broadcast addresses (RFC 6890, RFC 4291 section 2.4). */
const nobodys = new AddressSet(
  ["0.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32", "::/128", "ff00::/8"].map((text) => {
    const [address = "", prefix] = text.split("/");
    return { family: isIPv4(address) ? "ipv4" : "ipv6", address, prefix: Number(prefix) };
  }),
);

/** Whether no machine has an address for itself: a connection to it goes to this machine, or nowhere. */
const isNobodys = (address: string): boolean => nobodys.has(unmapAddress(address));

/** Asks for a name's addresses of these types, and remembers the last good ones of each. */
export function createAddressLookup(types: readonly AddressType[]): Ask<readonly string[]> {
  const lastGood = new Map<string, readonly string[]>();
  return async (name, resolver, signal) => {
    const rounds = await Promise.all(types.map((type) => askAddresses(name, type, resolver, signal)));
    const addresses: string[] = [];
    let ttl = Number.POSITIVE_INFINITY;
    const causes: string[] = [];
    const problems: string[] = [];
    for (const [index, round] of rounds.entries()) {
      const type = types[index]!;
      const key = `${type} ${name}`;
      if (round.kind !== "failed") lastGood.set(key, round.kind === "found" ? round.found : []);
      addresses.push(...(lastGood.get(key) ?? []));
      if (round.kind === "found") ttl = Math.min(ttl, round.ttl);
      else causes.push(types.length === 1 ? round.cause : `${type}: ${round.cause}`);
      if (round.kind === "found" && round.problem !== undefined) problems.push(round.problem);
    }
    const failed = rounds.some(({ kind }) => kind === "failed");
    const cause = causes.join("; ");
    if (ttl === Number.POSITIVE_INFINITY) return { kind: failed ? "failed" : "absent", cause };
    if (failed) problems.push(`${cause}; what was last found of this type is kept`);
    const problem = problems.length === 0 ? undefined : problems.join("; ");
    return { kind: "found", found: addresses, ttl, problem };
  };
}

const loopback = ["127.0.0.1", "::1"];

/**
 * All addresses that the system has for a name: those of its hosts file, or else those that its nameservers know.
 * @throws Error whose message names the name and says why there are none.
 */
export async function lookUpSystemName(
  name: string,
  dependencies: Pick<DiscoveryDependencies, "system" | "query">,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { hosts } = await dependencies.system();
  const canonical = canonicalName(name);
  const local = hosts.get(canonical);
  // A hosts file often has only one of its addresses (RFC 6761 section 6.3).
  if (canonical === "localhost") return [...new Set([...(local ?? []), ...loopback])];
  if (local !== undefined) return local.filter((address) => !isNobodys(address));
  // No nameserver is asked (RFC 6761 section 6.3).
  if (canonical.endsWith(".localhost")) return loopback;
  const ask = createAddressLookup(["A", "AAAA"]);
  const round = await askFor({ name, nameservers: [] }, ask, dependencies, signal);
  if (round.kind !== "found") throw new Error(round.cause);
  // IPv4 addresses would come first, but it is not known now whether there are any.
  if (round.problem !== undefined && !round.found.some(isIPv4)) throw new Error(round.problem);
  return round.found;
}
