import { isIP, isIPv6, type TcpSocketConnectOpts } from "node:net";

/**
 * The options of `net.connect` for a host with several addresses: they are tried one after the other, families by turns,
 * until one is connected. When none is, the socket's error has the code of the first one's.
 * @param host a first address, which needs no others.
 * @param others further IP addresses of the same host; empty or undefined: there are none.
 * @param time for all of them, in milliseconds; each has an equal part of it.
 * @param sources IP addresses of this machine, from which connections come: the first one of the other end's family. An end
 * of a family that none has can't be connected, and of several addresses the first of a family that one has is tried alone.
 * Undefined or empty: the kernel chooses.
 */
export function connectOptions(
  host: string,
  port: number,
  others: readonly string[] | undefined,
  time: number,
  sources?: readonly string[],
): TcpSocketConnectOpts {
  if (sources !== undefined && sources.length > 0)
    return fromSource([host, ...(others ?? [])], port, sources);
  // Without another address there is nothing to fall back to.
  if (others === undefined || others.length === 0) return { host, port, autoSelectFamily: false };
  const addresses = [host, ...others].map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
  return {
    // Node asks `lookup` only for what is no address.
    host: "several.addresses",
    port,
    autoSelectFamily: true,
    // Node's least.
    autoSelectFamilyAttemptTimeout: Math.max(10, Math.floor(time / addresses.length)),
    lookup: (_host, _options, found) => found(null, addresses),
  };
}

/** Node binds a socket once, before it connects, so it can't go on to another address. */
function fromSource(
  [host, ...others]: readonly string[],
  port: number,
  sources: readonly string[],
): TcpSocketConnectOpts {
  const sourceOf = (to: string): string | undefined => sources.find((source) => isIP(source) === isIP(to));
  const to = [host!, ...others].find((each) => sourceOf(each) !== undefined) ?? host!;
  return { host: to, port, autoSelectFamily: false, localAddress: sourceOf(to) ?? sources[0]! };
}

/** The error in words: of several addresses, all of them. */
export function connectFault(error: Error): Error {
  if (!(error instanceof AggregateError)) return error;
  const words = error.errors.map((each) => (each instanceof Error ? each.message : String(each)));
  const { code } = error as NodeJS.ErrnoException;
  return Object.assign(new Error(words.join("; "), { cause: error }), { code });
}
