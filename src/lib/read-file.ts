import { constants, type Stats } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { userInfo } from "node:os";
import { dirname } from "node:path";
import { inTime } from "./in-time.ts";
import { UnusableFile } from "./unusable-file.ts";

const mebibyte = 1024 * 1024;
/** How much is read at a time, and first, in bytes. */
const step = 64 * 1024;

/** How much of a file is read. */
export interface ReadLimit {
  /** In bytes. */
  readonly most: number;
}

/** The most that files may hold, by their kind. */
export const readLimits = {
  configuration: { most: 16 * mebibyte },
  /** Certificates, keys, CAs. */
  pem: { most: mebibyte },
  revocationLists: { most: 16 * mebibyte },
  ticketKeys: { most: 4096 },
  backends: { most: 16 * mebibyte },
  /** `${file:…}` in a configuration. */
  value: { most: mebibyte },
  /** resolv.conf and hosts. */
  system: { most: 16 * mebibyte },
} as const satisfies Record<string, ReadLimit>;

/**
 * Reads a file as a whole. Anything but a regular file, or a link to one, is refused before it is opened: opening a pipe
 * waits for its writer, and a device may never end.
 * @throws what {@link describeReadError} describes.
 */
export function readWhole(file: string, limit: ReadLimit): Promise<Buffer> {
  return inTime(dirname(file), async () => {
    refuseOthers(await stat(file), limit);
    // It may be another file by now: a pipe is not waited for, and looked at again.
    await using handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    refuseOthers(await handle.stat(), limit);
    return await readAll(handle, limit);
  });
}

/** Until its end, since files such as those of /proc say that they are empty. */
async function readAll(handle: FileHandle, limit: ReadLimit): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let total = 0; total <= limit.most; ) {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(step), 0, step);
    if (bytesRead === 0) return Buffer.concat(chunks);
    chunks.push(buffer.subarray(0, bytesRead));
    total += bytesRead;
  }
  throw tooLarge(limit);
}

function refuseOthers(found: Stats, limit: ReadLimit): void {
  if (found.isDirectory()) throw new UnusableFile("is a folder; name a file in it");
  if (!found.isFile())
    throw new UnusableFile(`is a ${kindOf(found)}, and umay reads regular files only`, found.isFIFO());
  if (found.size > limit.most) throw tooLarge(limit);
}

function kindOf(found: Stats): string {
  if (found.isFIFO()) return "pipe";
  if (found.isSocket()) return "socket";
  return found.isCharacterDevice() || found.isBlockDevice() ? "device" : "file of an unknown kind";
}

/** The error for something that is larger. */
export function tooLarge({ most }: ReadLimit): UnusableFile {
  const size = most < mebibyte ? `${most} bytes` : `${most / mebibyte} MiB`;
  return new UnusableFile(`holds more than ${size}, the most that is read; is it the right file?`);
}

/** Why a file can't be read and what to do, as the end of a sentence that names the file. */
export function describeReadError(error: unknown): string {
  if (error instanceof UnusableFile) return error.message;
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
      return "does not exist; check the path";
    case "EACCES":
    case "EPERM":
      return `may not be read by the user ${currentUser()}; give that user read permission on it and on its folders`;
    default:
      return `can't be read: ${message}`;
  }
}

/** A user without an entry in the password file, as in many containers, has only a number. */
function currentUser(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.());
  }
}
