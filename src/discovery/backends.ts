import { isDeepStrictEqual } from "node:util";
import { formatAddress, type SocketAddress } from "../lib/address.ts";
import type { Backend } from "../model/backend.ts";

/** The first backend of each address. */
export function distinctBackends(backends: readonly Backend[]): readonly Backend[] {
  const seen = new Set<string>();
  return backends.filter(({ address }) => !seen.has(address) && seen.add(address));
}

/** Whether two sets are the same to a picker, which sees their order too. */
export function sameBackends(left: readonly Backend[], right: readonly Backend[]): boolean {
  return left.length === right.length && left.every((backend, index) => sameBackend(backend, right[index]!));
}

/** Whether two sets differ at most in the further addresses of their backends' host names. */
export function sameButOthers(left: readonly Backend[], right: readonly Backend[] | undefined): boolean {
  const known = (backends: readonly Backend[]): readonly Backend[] =>
    backends.map(({ others, ...backend }) => backend);
  return right !== undefined && sameBackends(known(left), known(right));
}

function sameBackend(left: Backend, right: Backend): boolean {
  return (
    left.address === right.address &&
    left.hostName === right.hostName &&
    left.weight === right.weight &&
    left.tier === right.tier &&
    left.unfit === right.unfit &&
    isDeepStrictEqual(left.locality, right.locality) &&
    isDeepStrictEqual(left.labels, right.labels) &&
    isDeepStrictEqual(left.transportLabels, right.transportLabels) &&
    isDeepStrictEqual(left.others, right.others)
  );
}

/** A primary with weight 1 at an IP address. */
export function backendAt(host: string, port: number): Backend {
  const target: SocketAddress = { kind: "tcp", host, port };
  return { address: formatAddress(target), target, weight: 1, tier: 0 };
}

/** One backend for each IP address, in an order that depends on the addresses alone. */
export function backendsAt(addresses: readonly string[], port: number): readonly Backend[] {
  return [...new Set(addresses)].sort().map((host) => backendAt(host, port));
}
