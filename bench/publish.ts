import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { plot } from "./plot.ts";
import { report } from "./report.ts";
import type { Results } from "./results.ts";

const begin = "<!-- bench: begin -->";
const end = "<!-- bench: end -->";

/** Puts the tables between the markers of docs/performance.md, and the plot beside that file. */
export function publish(results: Results, root: string): void {
  const page = join(root, "docs/performance.md");
  const text = readFileSync(page, "utf8");
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${page} needs the lines ${begin} and ${end}, in this order`);
  const picture = plot(results);
  if (picture !== undefined) writeFileSync(join(root, "docs/performance.svg"), picture);
  const image = picture === undefined ? "" : "![Cost of umay and its peers](performance.svg)\n\n";
  writeFileSync(page, `${text.slice(0, from)}${begin}\n${image}${report(results)}${text.slice(to)}`);
}
