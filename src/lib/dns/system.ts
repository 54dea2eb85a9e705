import { isIP } from "node:net";
import { formatAddress } from "../address.ts";
import { canonicalName } from "../host-name.ts";
import { mebibyte, readWhole } from "../read-file.ts";

/** The system's settings for names: resolv.conf(5) and hosts(5). */
export interface SystemNames {
  /** `ip:port` of each server, in order. */
  readonly nameservers: readonly string[];
  /** Domains to which a name may be relative. */
  readonly search: readonly string[];
  /** A name with fewer dots is looked for in the search domains first. */
  readonly ndots: number;
  /** Addresses by canonical name. */
  readonly hosts: ReadonlyMap<string, readonly string[]>;
}

/** As in glibc and musl: the fourth server and further ones are never asked. */
const mostNameservers = 3;
const mostDots = 15;

let reading: Promise<SystemNames> | undefined;

/** Reads the system's files anew, once for all callers at the same time. */
export function readSystemNames(): Promise<SystemNames> {
  reading ??= readFiles().finally(() => {
    reading = undefined;
  });
  return reading;
}

/** A file that is missing is as good as empty, as for the C library. */
async function readFiles(): Promise<SystemNames> {
  const read = (file: string): Promise<string> => readWhole(file, 16 * mebibyte).then(String, () => "");
  const [resolvConf, hosts] = await Promise.all([read("/etc/resolv.conf"), read("/etc/hosts")]);
  return { ...parseResolvConf(resolvConf), hosts: parseHosts(hosts) };
}

/** The options; only `ndots` counts. */
export function parseResolvConf(text: string): Omit<SystemNames, "hosts"> {
  const nameservers: string[] = [];
  let search: readonly string[] = [];
  let ndots = 1;
  for (const line of text.split("\n")) {
    const [keyword, ...values] = line.trim().split(/\s+/);
    const [first = ""] = values;
    if (keyword === "nameserver" && isIP(first) !== 0)
      nameservers.push(formatAddress({ kind: "tcp", host: first, port: 53 }));
    // Of several lines the last one counts.
    if (keyword === "domain") search = [canonicalName(first)];
    if (keyword === "search") search = values.map(canonicalName);
    if (keyword !== "options") continue;
    for (const option of values) {
      const [, dots] = /^ndots:(\d+)$/.exec(option) ?? [];
      if (dots !== undefined) ndots = Math.min(mostDots, Number(dots));
    }
  }
  if (nameservers.length === 0) nameservers.push("127.0.0.1:53");
  return { nameservers: nameservers.slice(0, mostNameservers), search, ndots };
}

export function parseHosts(text: string): ReadonlyMap<string, readonly string[]> {
  const hosts = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const [address = "", ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    if (isIP(address) === 0) continue;
    for (const name of new Set(names.map(canonicalName)))
      hosts.set(name, [...(hosts.get(name) ?? []), address]);
  }
  return hosts;
}

/** The absolute names that a relative or absolute name may mean, in the order in which they are tried. */
export function searchNames(
  name: string,
  { search, ndots }: Pick<SystemNames, "search" | "ndots">,
): readonly string[] {
  const absolute = canonicalName(name);
  if (name.endsWith(".")) return [absolute];
  const relative = search.map((domain) => (domain === "" ? absolute : `${absolute}.${domain}`));
  const enough = absolute.split(".").length - 1 >= ndots;
  return [...new Set(enough ? [absolute, ...relative] : [...relative, absolute])];
}
