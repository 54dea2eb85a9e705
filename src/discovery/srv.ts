import type { DnsRecord, SrvData } from "../lib/dns/message.ts";
import { joinSome } from "../lib/join-some.ts";
import { type Backend, mostTiers, mostWeight } from "../model/backend.ts";
import { backendAt, distinctBackends } from "./backends.ts";
import { type AddressType, type Ask, askAddresses, foundAddresses, type Round } from "./lookup.ts";

type Addresses = Round<readonly string[]>;

/**
 * Looks up a service's SRV records (RFC 2782), and the addresses of their targets that the server did not add. A target
 * without addresses is left out. A target whose lookup fails keeps its last good addresses.
 */
export function createSrvLookup(): Ask<readonly Backend[]> {
  /** By target. */
  let lastGood: ReadonlyMap<string, readonly string[]> = new Map();
  return async (name, resolver, signal) => {
    const answer = await resolver.ask(name, "SRV", signal);
    if (answer.kind !== "found") return answer;
    const records = answer.records.flatMap(({ type, data }) => (type === "SRV" ? [data] : []));
    const offered = records.filter(({ target, port }) => target !== "" && port !== 0);
    if (offered.length === 0)
      return { kind: "absent", cause: "its SRV records say that it is not available" };
    const sent = new SentAddresses(answer.additionals);
    const targets = [...new Set(offered.map(({ target }) => target))].sort();
    const rounds = await Promise.all(
      targets.map((target) =>
        addressesOf(target, sent, (type) => askAddresses(target, type, resolver, signal)),
      ),
    );

    let ttl = answer.ttl * 1_000;
    const problems = records.filter(({ port }) => port === 0).map(({ target }) => `${target}: port 0`);
    const known = new Map<string, readonly string[]>();
    for (const [index, round] of rounds.entries()) {
      const target = targets[index]!;
      if (round.kind === "found") ttl = Math.min(ttl, round.ttl);
      const fault = round.kind === "found" ? round.problem : round.cause;
      if (fault !== undefined) problems.push(`${target}: ${fault}`);
      if (round.kind === "found") known.set(target, round.found);
      if (round.kind === "failed") known.set(target, lastGood.get(target) ?? []);
    }
    lastGood = known;
    const failed = rounds.some(({ kind }) => kind === "failed");
    const found = srvBackends(offered, known);
    const cause = joinSome(problems);
    if (found.length === 0) return { kind: failed ? "failed" : "absent", cause };
    const fate = failed ? "what was last found of failing targets is kept" : "they are left out";
    return { kind: "found", found, ttl, problem: cause === "" ? undefined : `${cause}; ${fate}` };
  };
}

/** Addresses that came with the SRV records, by target. */
class SentAddresses {
  readonly #records = new Map<string, DnsRecord[]>();

  constructor(additionals: readonly DnsRecord[]) {
    for (const record of additionals) {
      const key = `${record.type} ${record.name}`;
      this.#records.set(key, [...(this.#records.get(key) ?? []), record]);
    }
  }

  of(target: string, type: AddressType): Addresses | undefined {
    const records = this.#records.get(`${type} ${target}`);
    if (records === undefined) return undefined;
    const ttl = Math.min(...records.map((record) => record.ttl)) * 1_000;
    return foundAddresses(records, ttl);
  }
}

/** A target's IPv4 addresses, else its IPv6 addresses: two ways to one machine are not two backends. */
async function addressesOf(
  target: string,
  sent: SentAddresses,
  ask: (type: AddressType) => Promise<Addresses>,
): Promise<Addresses> {
  const four = sent.of(target, "A") ?? (await ask("A"));
  if (four.kind !== "absent") return four;
  const six = sent.of(target, "AAAA") ?? (await ask("AAAA"));
  return six.kind === "absent" ? four : six;
}

/**
 * Makes backends of SRV records. Each priority becomes a tier, the lowest number tier 0. Further priorities share the
 * last tier.
 * @param addresses by target.
 */
export function srvBackends(
  records: readonly SrvData[],
  addresses: ReadonlyMap<string, readonly string[]>,
): readonly Backend[] {
  const reachable = records.filter(({ target }) => (addresses.get(target) ?? []).length > 0);
  const byPriority = Map.groupBy(reachable.toSorted(compareRecords), ({ priority }) => priority);
  const backends = [...byPriority.values()].flatMap((equals, index) => {
    const tier = Math.min(index, mostTiers - 1);
    const places = equals.flatMap(({ target, port, weight }) => {
      const hosts = [...new Set(addresses.get(target))].sort();
      return hosts.map((host) => ({ host, port, hostName: target, share: weight / hosts.length }));
    });
    const weights = weightsOf(places.map(({ share }) => share));
    return places.map(({ host, port, hostName }, place) => ({
      ...backendAt(host, port),
      hostName,
      weight: weights[place]!,
      tier,
    }));
  });
  return distinctBackends(backends);
}

/** An order that does not depend on the order of the answer, which servers rotate. */
function compareRecords(left: SrvData, right: SrvData): number {
  const names = left.target < right.target ? -1 : left.target === right.target ? 0 : 1;
  return left.priority - right.priority || names || left.port - right.port || right.weight - left.weight;
}

/**
 * Makes weights from 1 to 256 of shares from 0 to 65535. A share of 0 among others gets the smallest weight, as RFC 2782
 * wants it: a very small chance of being selected.
 */
function weightsOf(shares: readonly number[]): readonly number[] {
  if (shares.every((share) => share === shares[0])) return shares.map(() => 1);
  if (shares.every((share) => Number.isInteger(share) && share >= 1 && share <= mostWeight)) return shares;
  const largest = Math.max(...shares);
  return shares.map((share) => Math.max(1, Math.round((share * mostWeight) / largest)));
}
