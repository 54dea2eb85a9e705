import { describeReadError, mebibyte, readWhole, tooLarge } from "../../lib/read-file.ts";
import { UnusableFile } from "../../lib/unusable-file.ts";
import { unreadable } from "./errors.ts";
import type { Source } from "./find.ts";

export type Input = AsyncIterable<Uint8Array | string>;

/** That a configuration may hold, in bytes. */
const most = 16 * mebibyte;

/** @throws ConfigError when it can't be read or is not UTF-8. */
export async function readConfig(source: Source, stdin: Input): Promise<string> {
  const reading = source.file === "-" ? drain(stdin) : readWhole(source.file, most);
  const bytes = await reading.catch((error: unknown) => {
    const advice =
      error instanceof UnusableFile && error.isPipe ? "; give a pipe as standard input, with --config -" : "";
    throw unreadable(source.name, `${source.file} ${describeReadError(error)}${advice}`);
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
  let total = 0;
  for await (const chunk of input) {
    const bytes = Buffer.from(chunk);
    total += bytes.length;
    if (total > most) throw tooLarge(most);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}
