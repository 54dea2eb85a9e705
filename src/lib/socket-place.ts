import { randomBytes } from "node:crypto";
import { linkSync, lstatSync, renameSync, unlinkSync } from "node:fs";
import type { Server } from "node:net";
import { dirname, join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { isAbstract, presentIdentity } from "./socket-file.ts";

/** Of a path, in bytes (`sun_path` of unix(7)). */
const longestPath = 107;
/** Rounds of the event loop in which connections may still come: more than a queue has. */
const mostRounds = 10_000;

/** Removes the file of a socket that was bound beside its path, if it is still the one there. */
const removals = new WeakMap<Server, () => void>();
const leaving = new WeakSet<Server>();

/**
 * A path beside another one. A socket is bound there, and its file then gets the path that it is to have: libuv removes the
 * file that it has bound when it closes a socket, whoever has made the one that is there by then.
 * @returns undefined where there is no room for it, or no file.
 */
export function newFile(path: string): string | undefined {
  const beside = join(dirname(path), `.${randomBytes(3).toString("hex")}`);
  return isAbstract(path) || Buffer.byteLength(beside) > longestPath ? undefined : beside;
}

/** Whether a unix socket can take the place of the one that is served at a path: an abstract name has no file. */
export const isReplaceable = (path: string): boolean => newFile(path) !== undefined;

/**
 * Gives a socket's file its path; the server removes it when it closes.
 * @param replace whether another socket may have the path now.
 * @throws the system's error, `EADDRINUSE` where anything else is there.
 */
export function placeFile(server: Server, path: string, file: string, replace: boolean): void {
  if (replace && (lstatSync(path, { throwIfNoEntry: false })?.isSocket() ?? true)) renameSync(file, path);
  else linkOnly(file, path);
  const own = presentIdentity(path);
  removals.set(server, () => {
    removals.delete(server);
    // Where umay may not remove it any more, the next one that listens there finds that nobody does.
    ignoringErrors(() => presentIdentity(path) === own && unlinkSync(path));
  });
  const { close } = server;
  server.close = (closed) => {
    server.close = close;
    removals.get(server)?.();
    return server.close(closed);
  };
}

function linkOnly(file: string, path: string): void {
  try {
    linkSync(file, path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw Object.assign(cause as Error, code === "EEXIST" && { code: "EADDRINUSE" });
  }
  unlinkSync(file);
}

/**
 * Has a listening socket get no new connections, and resolves when it has accepted those that wait in its queue: the event loop
 * accepts one in each round. A socket that has no file of its own would get new ones for ever, and is to be closed at once.
 */
export async function leavePath(server: Server): Promise<void> {
  leaving.add(server);
  const remove = removals.get(server);
  if (remove === undefined) return;
  remove();
  let came = true;
  server.on("connection", () => {
    came = true;
  });
  for (let round = 0; came && round < mostRounds; round++) {
    came = false;
    // Between two turns the loop looks for connections.
    await turn();
    await turn();
  }
}

/** Whether it has left its path, or is about to be closed. */
export const isLeaving = (server: Server): boolean => leaving.has(server);

function ignoringErrors(action: () => void): void {
  try {
    action();
  } catch {
    // The caller says why.
  }
}
