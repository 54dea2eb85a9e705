import { resolve } from "node:path";
import { canonicalAddress, formatAddress, parseAddress, type SocketAddress } from "../../../lib/address.ts";
import { errorAt, type Finding, type Path } from "../../../lib/findings.ts";
import { isAbstract } from "../../../lib/socket-file.ts";
import type { Backend } from "../../../model/backend.ts";
import type { BackendSettings } from "../schema/pool.ts";

type Report = (finding: Finding) => void;

/** Like every path, that of a unix socket starts at the folder of the file that names it. */
export function placeAddress(
  address: SocketAddress,
  path: Path,
  directory: string,
  report: Report,
): SocketAddress {
  if (address.kind === "tcp" || isAbstract(address.path)) return address;
  const absolute = formatAddress({ kind: "unix", path: resolve(directory, address.path) });
  const placed = parseAddress(absolute);
  if (typeof placed !== "string") return placed;
  report(errorAt(path, `${absolute} ${placed}; choose a shorter one`));
  return address;
}

/** @param path of the list. */
export function resolveBackends(
  list: readonly BackendSettings[],
  path: Path,
  directory: string,
  report: Report,
): readonly Backend[] {
  const seen = new Map<string, number>();
  return list.map((entry, index): Backend => {
    const target = placeAddress(entry.address, [...path, index], directory, report);
    const address = formatAddress(target);
    const identity = formatAddress(canonicalAddress(target));
    const first = seen.get(identity);
    const twice = `${address} is in the list twice (also at index ${first}); to give it a larger share, set its weight`;
    if (first === undefined) seen.set(identity, index);
    else report(errorAt([...path, index], twice));
    return { address, target, weight: entry.weight, tier: entry.backup ? 1 : 0 };
  });
}
