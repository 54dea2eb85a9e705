import { readFile } from "node:fs/promises";
import { describeReadError } from "../../lib/read-file.ts";
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
