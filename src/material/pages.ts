import { isDeepStrictEqual } from "node:util";
import { describeReadError, readWhole } from "../lib/read-file.ts";
import type { Part } from "./parts.ts";
import type { Loaded } from "./pem.ts";

/** In bytes: each is sent to every worker, and is written to a client in one piece. */
const largestPage = 65_536;

/** Reads a file that umay answers with. */
export async function loadPage(file: string): Promise<Loaded<Uint8Array>> {
  try {
    // A plain array, because that is what a worker receives.
    return { value: new Uint8Array(await readWhole(file, largestPage)) };
  } catch (error) {
    return { problem: describeReadError(error) };
  }
}

/** A file that umay answers with. */
export function pagePart(file: string, old: Uint8Array): Part<Uint8Array> {
  return {
    kind: "page",
    files: [file],
    old,
    renew: async () => {
      const loaded = await loadPage(file);
      if ("problem" in loaded) return { problem: `${file} ${loaded.problem}` };
      return { value: isDeepStrictEqual(loaded.value, old) ? old : loaded.value, warnings: [] };
    },
    tell: ({ length }) => [{ bytes: length }, "a page was renewed"],
  };
}
