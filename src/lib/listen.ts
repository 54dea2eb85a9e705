import { lstat, unlink } from "node:fs/promises";
import { connect, type Server } from "node:net";
import { canonicalAddress, formatAddress, type SocketAddress } from "./address.ts";
import { err, ok, type Result } from "./result.ts";
import { isAbstract, systemPath } from "./socket-file.ts";
import { newFile, placeFile } from "./socket-place.ts";

export interface ListenOptions {
  /** Mode of a unix socket's file from its first moment; default: 0777 less the umask. For the main thread only. */
  readonly mode?: number;
  /** Connections that may wait to be accepted; the kernel takes the smaller of this and net.core.somaxconn. */
  readonly backlog?: number;
  /** Shares the port with other sockets that ask for it too (SO_REUSEPORT). */
  readonly reusePort?: boolean;
  /** A socket that is open already, and has to have this address. */
  readonly descriptor?: number;
  /** Takes the path of a unix socket from whoever serves it: there is no moment without a socket. */
  readonly replace?: boolean;
  /** Gets a unix socket's file before it has its path, wherever there is room beside that: nobody finds it half done. */
  readonly prepare?: (file: string) => void;
}

/**
 * Makes a server listen. It first removes a unix socket that a dead process left behind, but none that is served.
 * @returns the address that it listens on: port 0 has become the port that the system chose.
 * @throws {@link listenError}.
 */
export async function listen(
  server: Server,
  address: SocketAddress,
  { mode, descriptor, replace = false, prepare, ...options }: ListenOptions = {},
): Promise<SocketAddress> {
  const file = address.kind === "unix" && descriptor === undefined ? newFile(address.path) : undefined;
  if (address.kind === "unix" && descriptor === undefined && !replace) await removeStaleSocket(address);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  const restrict = address.kind === "unix" && mode !== undefined;
  const umask = restrict ? process.umask(0o777 & ~mode) : 0;
  try {
    // A unix socket's file is made within this call.
    if (descriptor !== undefined) server.listen({ fd: descriptor, ...options }, resolve);
    else if (address.kind === "unix")
      server.listen({ path: file ?? systemPath(address.path), ...options }, resolve);
    else {
      const { host, port, v6Only: ipv6Only = false } = address;
      server.listen({ host, port, ipv6Only, ...options }, resolve);
    }
  } finally {
    if (restrict) process.umask(umask);
  }
  await promise.catch((error: NodeJS.ErrnoException) => {
    throw listenError(error, address);
  });
  server.removeListener("error", reject);
  if (address.kind === "unix" && descriptor === undefined)
    place(server, address, file, { replace, ...(prepare && { prepare }) });
  const bound = server.address();
  if (descriptor !== undefined) refuseOther(server, address);
  return address.kind === "tcp" && typeof bound === "object" && bound !== null
    ? { ...address, port: bound.port }
    : address;
}

/** Gives a socket its path. @throws {@link listenError} where something is in the way, and closes the server. */
function place(
  server: Server,
  address: SocketAddress & { readonly kind: "unix" },
  file: string | undefined,
  { replace = false, prepare = () => {} }: ListenOptions,
): void {
  try {
    prepare(file ?? address.path);
    if (file !== undefined) placeFile(server, address.path, file, replace);
  } catch (cause) {
    server.close();
    throw (cause as NodeJS.ErrnoException).syscall === undefined
      ? cause
      : listenError(cause as NodeJS.ErrnoException, address);
  }
}

/** @throws when it listens on another address, and closes it. */
function refuseOther(server: Server, address: SocketAddress): void {
  const bound = server.address();
  const found: SocketAddress =
    typeof bound === "object" && bound !== null
      ? { kind: "tcp", host: bound.address, port: bound.port }
      : { kind: "unix", path: bound ?? "" };
  const wanted = address.kind === "unix" ? { ...address, path: systemPath(address.path) } : address;
  if (formatAddress(canonicalAddress(found)) === formatAddress(canonicalAddress(wanted))) return;
  server.close();
  throw new Error(
    `cannot listen on ${formatAddress(address)}: the socket of its name that umay was started with is on ${formatAddress(found)}`,
  );
}

/**
 * Removes nothing but a socket: a connection to a regular file is refused just the same.
 * @throws {@link listenError} where another user's socket is in the way.
 */
export async function removeStaleSocket(address: SocketAddress & { readonly kind: "unix" }): Promise<void> {
  const { path } = address;
  if (isAbstract(path)) return;
  const found = await lstat(path).catch(() => undefined);
  if (!found?.isSocket()) return;
  const refused = await connectError(path);
  if (refused !== "ECONNREFUSED" && refused !== "EACCES") return;
  // Without the right to connect nobody knows whether it is served.
  const removed = refused === "EACCES" ? err(refused) : await removal(path);
  if (removed.ok) return;
  const cause = Object.assign(new Error(refused), { code: "EADDRINUSE" });
  const owner = `the socket there is of the user with number ${found.uid}`;
  const state = refused === "EACCES" ? "who may still serve it" : "whose process is gone";
  const message = `cannot listen on ${formatAddress(address)}: ${owner}, ${state}, and umay may not remove it; remove it as that user, or choose another path (${cause.code})`;
  throw Object.assign(new Error(message, { cause }), { code: cause.code });
}

/** Whether a unix socket's file is one that nobody listens on. */
export const isDead = async (path: string): Promise<boolean> => (await connectError(path)) === "ECONNREFUSED";

const removal = (path: string): Promise<Result<void, string>> =>
  unlink(path).then(
    () => ok(undefined),
    (error: NodeJS.ErrnoException) => (error.code === "ENOENT" ? ok(undefined) : err(error.code ?? "")),
  );

function connectError(path: string): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const socket = connect({ path }, () => {
    socket.destroy();
    resolve(undefined);
  });
  socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code));
  return promise;
}

/** The system's error in words: the address, the cause, and what to do. It keeps the system's `code`. */
export function listenError(cause: NodeJS.ErrnoException, address: SocketAddress): NodeJS.ErrnoException {
  const message = `cannot listen on ${formatAddress(address)}: ${explain(cause, address)}`;
  return Object.assign(new Error(message, { cause }), { code: cause.code ?? "" });
}

function explain(error: NodeJS.ErrnoException, address: SocketAddress): string {
  const words = (address.kind === "unix" ? unixErrors : tcpErrors)[error.code ?? ""];
  return words === undefined
    ? error.message
    : `${words(address.kind === "unix" ? address.path : String(address.port))} (${error.code})`;
}

const tcpErrors: Readonly<Record<string, (port: string) => string>> = {
  EADDRINUSE: (port) => `the port is in use; 'ss -ltnp sport = :${port}' shows by whom`,
  EACCES: () =>
    "this process may not listen on ports below 1024; grant CAP_NET_BIND_SERVICE, or choose a higher port",
  EADDRNOTAVAIL: () => "the address is not one of this machine; 'ip address' lists them",
  ENOTFOUND: () => "the name cannot be resolved; write an address, or mend the name",
  EAI_AGAIN: () => "the name cannot be resolved now; write an address, or look at the name servers",
};

const unixErrors: Readonly<Record<string, (path: string) => string>> = {
  EADDRINUSE: () =>
    "another process serves this socket, or the file is no socket; stop it, or choose another path",
  // Where the folder is missing, libuv says EACCES too.
  EACCES: (path) =>
    `${path} cannot be created; its folder has to exist and to belong to the user that umay runs as`,
};
