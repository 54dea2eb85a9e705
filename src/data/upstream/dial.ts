import { connect, type OnReadOpts, type Socket } from "node:net";
import { connectOptions } from "../../lib/connect.ts";
import { systemPath } from "../../lib/socket-file.ts";
import type { Backend } from "../../model/backend.ts";
import type { Pool } from "../../model/pool.ts";
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
 * @param connect its `timeout` is the one after which the caller gives up.
 */
export type Dial = (
  backend: Pick<Backend, "target" | "others">,
  secure: boolean,
  connect: Pick<Pool["connect"], "timeout" | "sources" | "keepAlive">,
) => Socket;

export const dial: Dial = ({ target, others }, secure, { timeout, sources, keepAlive }) => {
  const options = {
    ...tcpOptions,
    ...(keepAlive !== undefined && { keepAliveInitialDelay: keepAlive }),
    ...(!secure && { onread }),
  };
  if (target.kind === "unix") return connect({ ...options, path: systemPath(target.path) });
  const to = connectOptions(target.host, target.port, others, timeout, sources);
  return connect({ ...options, ...to });
};
