import { chmodSync, chownSync, lstatSync } from "node:fs";
import { lstat } from "node:fs/promises";

/** The users who may connect to a unix socket: the rights of its file. Rights that are undefined stay as the system makes them. */
export interface SocketRights {
  /** Permission bits, 0 to 0o777; connecting needs the right to write. */
  readonly mode: number | undefined;
  readonly user: number | undefined;
  readonly group: number | undefined;
}

/**
 * At once: the socket accepts already.
 * @param file where the socket is now, before it gets its path.
 * @throws with a message that begins with the path.
 */
export function setSocketRights(path: string, { mode, user, group }: SocketRights, file = path): void {
  try {
    if (user !== undefined || group !== undefined) chownSync(file, user ?? -1, group ?? -1);
    if (mode !== undefined) chmodSync(file, mode);
  } catch (cause) {
    const { code = "" } = cause as NodeJS.ErrnoException;
    const advice = code === "EPERM" ? "umay may not give it to that user or group" : (cause as Error).message;
    throw new Error(`${path} cannot get its user, group and mode: ${advice} (${code})`, { cause });
  }
}

/** A name without a file, which Linux alone has (unix(7)). */
export const isAbstract = (path: string): boolean => path.startsWith("@");

/** The path as the system wants it. */
export const systemPath = (path: string): string => (isAbstract(path) ? `\0${path.slice(1)}` : path);

/** Tells files at one path apart; undefined where there is none, or it can't be seen. */
export async function fileIdentity(path: string): Promise<string | undefined> {
  const found = await lstat(path, { bigint: true }).catch(() => undefined);
  return found && identityOf(found);
}

/** As {@link fileIdentity}, at once, of a file that is there. */
export const presentIdentity = (path: string): string => identityOf(lstatSync(path, { bigint: true }));

const identityOf = ({ dev, ino }: { readonly dev: bigint; readonly ino: bigint }): string => `${dev} ${ino}`;
