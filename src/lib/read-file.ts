import { constants, type Stats } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { userInfo } from "node:os";
import { dirname } from "node:path";
import { inTime } from "./in-time.ts";
import { UnusableFile } from "./unusable-file.ts";

/** In bytes. */
export const mebibyte: number = 1024 * 1024;
/** How much is read at a time, and first, in bytes. */
const step = 64 * 1024;

/**
 * Reads a file as a whole. Anything but a regular file, or a link to one, is refused before it is opened: opening a pipe
 * waits for its writer, and a device may never end.
 * @param most that it may hold, in bytes.
 * @throws what {@link describeReadError} describes.
 */
export function readWhole(file: string, most: number): Promise<Buffer> {
  return inTime(dirname(file), async () => {
    refuseOthers(await stat(file), most);
    // It may be another file by now: a pipe is not waited for, and looked at again.
    await using handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    refuseOthers(await handle.stat(), most);
    return await readAll(handle, most);
  });
}

/** Until its end, since files such as those of /proc say that they are empty. */
async function readAll(handle: FileHandle, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let total = 0; total <= most; ) {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(step), 0, step);
    if (bytesRead === 0) return Buffer.concat(chunks);
    chunks.push(buffer.subarray(0, bytesRead));
    total += bytesRead;
  }
  throw tooLarge(most);
}

function refuseOthers(found: Stats, most: number): void {
  if (found.isDirectory()) throw new UnusableFile("is a folder; name a file in it");
  if (!found.isFile())
    throw new UnusableFile(`is a ${kindOf(found)}, and umay reads regular files only`, found.isFIFO());
  if (found.size > most) throw tooLarge(most);
}

function kindOf(found: Stats): string {
  if (found.isFIFO()) return "pipe";
  if (found.isSocket()) return "socket";
  return found.isCharacterDevice() || found.isBlockDevice() ? "device" : "file of an unknown kind";
}

/** The error for something that is larger. */
export function tooLarge(most: number): UnusableFile {
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
