import { connect, type OnReadOpts, type Socket } from "node:net";
import type { SocketAddress } from "../../lib/address.ts";
import { bufferBytes, tcpOptions } from "../sockets/options.ts";

/**
 * One read buffer for all backend sockets of this worker: a chunk is used up or copied before the callback returns
 * (see `relay/relay.ts`), so a read allocates nothing.
 */
const readBuffer = Buffer.allocUnsafeSlow(bufferBytes);

/**
 * Begins to connect; the caller listens for `connect` and `error`.
 * @param onData gets the bytes with the socket as `this`; `false` stops reading until `resume()`. Undefined: somebody
 * else will read the socket.
 */
export function dial(target: SocketAddress, onData: OnReadOpts["callback"] | undefined): Socket {
  const options = onData && { onread: { buffer: readBuffer, callback: onData } };
  if (target.kind === "unix") return connect({ ...tcpOptions, ...options, path: target.path });
  // The target is an IP address, so there is no second address family to fall back to.
  return connect({
    ...tcpOptions,
    host: target.host,
    port: target.port,
    autoSelectFamily: false,
    ...options,
  });
}
