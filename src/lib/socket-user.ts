import { createReadStream } from "node:fs";
import { parseIp } from "./proxy-protocol/ip.ts";
import { Turns } from "./turns.ts";

/** The ends of an accepted TCP connection, as `net.Socket` has them. */
export interface Ends {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
}

/** The sockets of this network namespace (proc(5)): a program may also have a socket of IPv6 for an address of IPv4. */
const tables = [
  { path: "/proc/self/net/tcp", mapped: "" },
  { path: "/proc/self/net/tcp6", mapped: "0000000000000000FFFF0000" },
] as const;

/** A table of 100,000 sockets has 15 MB. */
const turns = new Turns(1);
/** For all who wait, in milliseconds. */
const longest = 10_000;

/**
 * The user whose process has the other end of a connection, in this network namespace.
 * @returns undefined where nobody has: it came from elsewhere, or by way of an address translation, or its process has closed it.
 * @throws Error where the system does not tell, or not in time.
 */
export async function userOfPeer(ends: Ends): Promise<number | undefined> {
  const { remoteAddress, remotePort, localAddress, localPort } = ends;
  const signal = AbortSignal.timeout(longest);
  const find = async (): Promise<number | undefined> => {
    for (const { path, mapped } of tables) {
      const its = written(remoteAddress, remotePort, mapped);
      const ours = written(localAddress, localPort, mapped);
      if (its === undefined || ours === undefined) continue;
      const user = userIn(await findRow(path, ` ${its} ${ours} `, signal));
      if (user !== undefined) return user;
    }
    return undefined;
  };
  // The table changes while it is read: a row may be missed once.
  return (await turns.run(find, signal)) ?? (await turns.run(find, signal));
}

/** As the tables write it: words of 32 bits in the order of this machine's bytes, which is little-endian where umay runs. */
function written(address = "", port = 0, mapped: string): string | undefined {
  const ip = parseIp(address);
  if (ip === undefined || (ip.length === 16 && mapped === "")) return undefined;
  const words = Buffer.from(ip).swap32().toString("hex");
  const prefix = ip.length === 4 ? mapped : "";
  return `${prefix}${words}:${port.toString(16).padStart(4, "0")}`.toUpperCase();
}

async function findRow(path: string, words: string, signal: AbortSignal): Promise<string | undefined> {
  let rest = "";
  for await (const chunk of createReadStream(path, { encoding: "latin1", signal })) {
    const text: string = rest + chunk;
    const last = text.lastIndexOf("\n");
    const at = text.indexOf(words);
    if (at >= 0 && at < last) return text.slice(at, text.indexOf("\n", at));
    rest = text.slice(last + 1);
  }
  return undefined;
}

/** A socket without an inode is nobody's any more, and its row names root. @param row from the addresses on. */
function userIn(row: string | undefined): number | undefined {
  const [, , , , , , user, , inode] = row?.trim().split(/ +/) ?? [];
  return user === undefined || inode === undefined || inode === "0" ? undefined : Number(user);
}
