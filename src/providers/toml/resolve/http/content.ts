import { resolve } from "node:path";
import { errorAt, type Path } from "../../../../lib/findings.ts";
import { loadPage } from "../../../../material/pages.ts";
import type { Content } from "../../../../model/http/route.ts";
import type { Resolving } from "./context.ts";

/** Reads what umay answers with from a file. @returns undefined where it can't be used, which is reported. */
export async function readContent(
  file: string,
  type: string,
  path: Path,
  { directory, report }: Resolving,
): Promise<Content | undefined> {
  const absolute = resolve(directory, file);
  const loaded = await loadPage(absolute);
  if ("value" in loaded) return { source: { kind: "file", file: absolute }, bytes: loaded.value, type };
  report(errorAt(path, `${absolute} ${loaded.problem}`));
  return undefined;
}

/** The text of an answer that the configuration has itself. */
export function textContent(text: string, type: string): Content {
  return { source: undefined, bytes: new Uint8Array(Buffer.from(text)), type };
}
