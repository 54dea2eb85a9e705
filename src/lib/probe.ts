import { access, constants, lstat } from "node:fs/promises";
import { connect } from "node:net";
import { dirname } from "node:path";
import { isIpv6Host, type SocketAddress } from "./address.ts";
import { listenError, removeStaleSocket } from "./listen.ts";
import { isAbstract } from "./socket-file.ts";

/**
 * Finds out whether this process could listen on an address, without listening: nobody can connect meanwhile. An address that
 * someone listens on is in use, also where its sockets share the port.
 * @throws {@link listenError}.
 */
export async function probe(address: SocketAddress): Promise<void> {
  if (address.kind === "tcp") return probePort(address);
  if (isAbstract(address.path)) return probeName(address);
  await removeStaleSocket(address);
  const code = await fileFault(address.path);
  if (code !== undefined) throw listenError(Object.assign(new Error(code), { code }), address);
}

/**
 * Binds a socket and connects it to port 0, which nobody listens on: Node binds otherwise only to listen.
 * The kernel gives a port that someone listens on to nobody who does not share it.
 */
function probePort(address: SocketAddress & { readonly kind: "tcp" }): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const { host, port, v6Only } = address;
  const socket = connect({
    host: isIpv6Host(host) ? "::1" : "127.0.0.1",
    port: 0,
    // A socket that is no server's takes IPv4 too where it is bound to every address.
    localAddress: v6Only ? "::1" : host,
    localPort: port,
    autoSelectFamily: false,
  });
  socket.on("connect", () => resolve());
  socket.on("error", (error: NodeJS.ErrnoException) => {
    const bound = error.syscall === "connect" && !bindFaults.has(error.code ?? "");
    if (bound) resolve();
    else reject(listenError(error, address));
  });
  return promise.finally(() => socket.destroy());
}

/** libuv reports some faults of bind(2) only when the socket is used. */
const bindFaults = new Set(["EADDRINUSE", "EACCES"]);

function probeName(address: SocketAddress & { readonly kind: "unix" }): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect({ path: `\0${address.path.slice(1)}` });
  socket.on("connect", () => {
    const code = "EADDRINUSE";
    reject(listenError(Object.assign(new Error(code), { code }), address));
  });
  socket.on("error", () => resolve());
  return promise.finally(() => socket.destroy());
}

/** Why a socket's file could not be made. */
async function fileFault(path: string): Promise<string | undefined> {
  if ((await lstat(path).catch(() => undefined)) !== undefined) return "EADDRINUSE";
  return access(dirname(path), constants.W_OK | constants.X_OK).then(
    () => undefined,
    () => "EACCES",
  );
}
