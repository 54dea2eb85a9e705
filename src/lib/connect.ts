import { isIPv6, type TcpSocketConnectOpts } from "node:net";

/**
 * The options of `net.connect` for a host with several addresses: they are tried one after the other, families by turns,
 * until one is connected. When none is, the socket's error has the code of the first one's.
 * @param host a first address, which needs no others.
 * @param others further IP addresses of the same host; empty or undefined: there are none.
 * @param time for all of them, in milliseconds; each has an equal part of it.
 */
export function connectOptions(
  host: string,
  port: number,
  others: readonly string[] | undefined,
  time: number,
): TcpSocketConnectOpts {
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

/** The error in words: of several addresses, all of them. */
export function connectFault(error: Error): Error {
  if (!(error instanceof AggregateError)) return error;
  const words = error.errors.map((each) => (each instanceof Error ? each.message : String(each)));
  const { code } = error as NodeJS.ErrnoException;
  return Object.assign(new Error(words.join("; "), { cause: error }), { code });
}
