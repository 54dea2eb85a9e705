import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { plot } from "./plot.ts";
import { report } from "./report.ts";
import type { Results } from "./results.ts";

/** Puts the tables between the markers of docs/performance.md, and the plot beside that file. */
export function publish(results: Results, root: string): void {
  const picture = plot(results);
  if (picture !== undefined) writeFileSync(join(root, "docs/performance.svg"), picture);
  const image = picture === undefined ? "" : "![Cost of umay and its peers](performance.svg)\n\n";
  putBetween(join(root, "docs/performance.md"), "bench", `${image}${report(results)}`);
}

/** Replaces what stands between `<!-- NAME: begin -->` and `<!-- NAME: end -->` on a page. */
export function putBetween(page: string, name: string, content: string): void {
  const begin = `<!-- ${name}: begin -->`;
  const end = `<!-- ${name}: end -->`;
  const text = readFileSync(page, "utf8");
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${page} needs the lines ${begin} and ${end}, in this order`);
  writeFileSync(page, `${text.slice(0, from)}${begin}\n${content}${text.slice(to)}`);
}
