import { readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { unreadable } from "./errors.ts";
import type { Source } from "./find.ts";

export type Input = AsyncIterable<Uint8Array | string>;

/** @throws ConfigError when it can't be read or is not UTF-8. */
export async function readConfig(source: Source, stdin: Input): Promise<string> {
  const bytes = await (source.file === "-" ? drain(stdin) : readFile(source.file)).catch((error: unknown) => {
    throw unreadable(source.name, `${source.file} ${describeReadError(error)}`);
  });
  return decodeText(bytes, source.name);
}

/** @throws ConfigError when it is not UTF-8. */
export function decodeText(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw unreadable(name, "is not UTF-8 text, which it must be; save it as UTF-8");
  }
}

async function drain(input: Input): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of input) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** Why a file can't be read and what to do, as the end of a sentence that names the file. */
export function describeReadError(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
      return "does not exist; check the path";
    case "EACCES":
    case "EPERM":
      return `may not be read by the user ${currentUser()}; give that user read permission on it and on its folders`;
    case "EISDIR":
      return "is a folder; name a file in it";
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
