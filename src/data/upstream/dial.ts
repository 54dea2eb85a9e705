import { connect, type OnReadOpts, type Socket } from "node:net";
import type { SocketAddress } from "../../lib/address.ts";
import { onUpstreamBytes } from "../sockets/events.ts";
import { tcpOptions } from "../sockets/options.ts";
import { readBuffer } from "../sockets/read-buffer.ts";

const onread: OnReadOpts = {
  buffer: readBuffer,
  callback: onUpstreamBytes as OnReadOpts["callback"],
};

/**
 * Begins to connect; the caller listens for `connect` and `error`.
 * @param secure whether TLS is to come on top, which will read the socket; otherwise its owner gets the bytes.
 */
export type Dial = (target: SocketAddress, secure: boolean) => Socket;

export const dial: Dial = (target, secure) => {
  const options = secure ? undefined : { onread };
  if (target.kind === "unix") return connect({ ...tcpOptions, ...options, path: target.path });
  // The target is an IP address, so there is no second address family to fall back to.
  return connect({
    ...tcpOptions,
    host: target.host,
    port: target.port,
    autoSelectFamily: false,
    ...options,
  });
};
