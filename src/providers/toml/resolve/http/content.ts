import { resolve } from "node:path";
import { errorAt, type Path } from "../../../../lib/findings.ts";
import { describeReadError, readWhole } from "../../../../lib/read-file.ts";
import type { Content } from "../../../../model/http/route.ts";
import type { Resolving } from "./context.ts";

/** In bytes: each is sent to every worker, and is written to a client in one piece. */
const largestContent = 65_536;

/** Reads what umay answers with from a file. @returns undefined where it can't be used, which is reported. */
export async function readContent(
  file: string,
  type: string,
  path: Path,
  { directory, report }: Resolving,
): Promise<Content | undefined> {
  const absolute = resolve(directory, file);
  try {
    // A plain array, because that is what a worker receives.
    const bytes = new Uint8Array(await readWhole(absolute, largestContent));
    return { source: { kind: "file", file: absolute }, bytes, type };
  } catch (error) {
    report(errorAt(path, `${absolute} ${describeReadError(error)}`));
    return undefined;
  }
}

/** The text of an answer that the configuration has itself. */
export function textContent(text: string, type: string): Content {
  return { source: undefined, bytes: new Uint8Array(Buffer.from(text)), type };
}
