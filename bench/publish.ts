import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { modes } from "./peers/peer.ts";
import { plot } from "./plot.ts";
import { report } from "./report.ts";
import { ofMode, type Results } from "./results.ts";

/** By mode: the markers on the page, and the picture beside it. */
const places = {
  tcp: { name: "bench", picture: "performance.svg" },
  http: { name: "bench-http", picture: "performance-http.svg" },
  http2: { name: "bench-http2", picture: "performance-http2.svg" },
} as const;

/** Puts the tables between the markers of docs/performance.md, and the plots beside that file, for what was measured. */
export function publish(results: Results, root: string): void {
  for (const mode of modes) {
    const part = ofMode(results, mode);
    if (part.experiments.length === 0 && part.pickers === undefined) continue;
    const { name, picture: file } = places[mode];
    const picture = plot(part);
    if (picture !== undefined) writeFileSync(join(root, "docs", file), picture);
    const image = picture === undefined ? "" : `![Cost of umay and its peers](${file})\n\n`;
    putBetween(join(root, "docs/performance.md"), name, `${image}${report(part)}`);
  }
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
