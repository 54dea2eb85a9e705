import { formatAddress, parseAddress, type SocketAddress } from "../../lib/address.ts";
import { isReplaceable } from "../../lib/socket-place.ts";
import type { Served } from "../workers/bind.ts";

/*
 * A umay that starts takes the listening sockets over from one that runs. docs/adr/0040-take-over.md says how they come
 * from one process to the other, since only a socket that both have loses no connection.
 */

/** Both have to speak the same one: the older program cannot know what a newer one would say. */
export const takeOverProtocol = 2;

/** The answer of a running umay to `POST /take-over`. */
export interface TakeOverOffer {
  readonly protocol: number;
  readonly pid: number;
  readonly version: string;
  /** The path of a unix socket, on which it waits for whoever takes over. Only its own user can connect. */
  readonly door: string;
  /** The address of its admin server. */
  readonly admin: string;
  readonly listeners: readonly OfferedListener[];
}

export interface OfferedListener {
  readonly name: string;
  readonly bind: string;
  /** With real ports. */
  readonly addresses: readonly string[];
  readonly accept: Served["accept"];
}

export const offered = ({ name, bind, addresses, accept }: Served): OfferedListener => ({
  name,
  bind: formatAddress(bind),
  addresses: addresses.map(formatAddress),
  accept,
});

/** The messages between the process that passes sockets on and the one that takes them. */
export type ToTaker =
  /** Nobody but the taker reads from here on. */
  | { readonly type: "ready" }
  /** With the socket beside it. */
  | { readonly type: "socket"; readonly address: string }
  | { readonly type: "all" }
  /** The old process accepts no more, and has closed its admin server. */
  | { readonly type: "closed" };

export type FromTaker =
  | { readonly type: "take" }
  /** It has the last socket that came. */
  | { readonly type: "got" }
  /** It serves: the old process is to go. */
  | { readonly type: "serving"; readonly pid: number };

/** @throws where the running umay is one that cannot be understood. */
export function servedOf({ protocol, version, listeners }: TakeOverOffer): readonly Served[] {
  if (protocol !== takeOverProtocol)
    throw new Error(`cannot take over from umay ${version}: it does so in another way; restart it instead`);
  return listeners.map(({ name, bind, addresses, accept }) => ({
    name,
    bind: parsed(bind),
    addresses: addresses.map(parsed),
    accept,
    // A path is taken at once, its file is replaced.
    ...(isReplaced(bind) && { replaces: true }),
  }));
}

function isReplaced(bind: string): boolean {
  const { kind, ...address } = parsed(bind);
  return kind === "unix" && "path" in address && isReplaceable(address.path);
}

function parsed(text: string): SocketAddress {
  const address = parseAddress(text);
  if (typeof address === "string") throw new Error(`cannot take over: ${text} ${address}`);
  return address;
}
