import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

/*
 * Starting Node and reading the sources takes longer than the tests of most files do. Files of unit tests therefore share
 * processes: a program of a few lines reads each of them into a suite of its own, named by its path. That scopes their
 * hooks, too.
 */

/** A program for the test runner: a test file, or one that reads several of them. */
export interface Program {
  readonly path: string;
  /** The test files that it runs, relative to the root. */
  readonly files: readonly string[];
}

const most = 12;
/** At the top of a module. The runner would take the tests that come after it for those of another suite. */
const awaits = /^(?:const [^=]+ = )?await /m;

/**
 * Makes programs of at most 12 files of one area each. A file that awaits at its top is a program of its own.
 * @param files relative to the root, sorted.
 * @param folder where the programs are written.
 */
export function batch(files: readonly string[], root: string, folder: string): readonly Program[] {
  const waiting = files.filter((file) => awaits.test(readFileSync(resolve(root, file), "utf8")));
  const batches: string[][] = [];
  for (const file of files) {
    if (waiting.includes(file)) continue;
    const last = batches.at(-1);
    if (last !== undefined && last.length < most && areaOf(last[0]!) === areaOf(file)) last.push(file);
    else batches.push([file]);
  }
  const programs = batches.map((batch, index) => {
    const path = join(folder, `batch-${index + 1}.mjs`);
    writeFileSync(path, source(batch, root));
    return { path, files: batch };
  });
  return [...programs, ...waiting.map((file) => alone(file, root))];
}

export function alone(file: string, root: string): Program {
  return { path: resolve(root, file), files: [file] };
}

/** `test/data` of `test/data/pick/picker.test.ts`. */
function areaOf(file: string): string {
  return dirname(file).split("/").slice(0, 2).join("/");
}

/**
 * All that the files import is read first. Only then is what stands in a file run at once where it is imported, and with
 * that in the suite that is being made.
 */
function source(files: readonly string[], root: string): string {
  const paths = files.map((file) => resolve(root, file));
  const imported = new Set(paths.flatMap(importsOf));
  const entries = files.map((file, index) => [file, pathToFileURL(paths[index]!).href]);
  return `import { describe } from "node:test";
${[...imported].map((url) => `import ${JSON.stringify(url)};`).join("\n")}

for (const [file, url] of ${JSON.stringify(entries, null, 2)})
  describe(file, async () => {
    await import(url);
  });
`;
}

/** The program of a child process or thread may be imported for its types only. */
function importsOf(path: string): readonly string[] {
  const imports = readFileSync(path, "utf8").matchAll(
    /^(?:import .*|\}) from "(\.[^"]+)(?<!-child\.ts)";$/gm,
  );
  return [...imports].map(([, specifier]) => new URL(specifier!, pathToFileURL(path)).href);
}
