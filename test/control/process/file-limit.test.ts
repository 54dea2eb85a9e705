import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import { test } from "node:test";
import { countOpenFiles, readFileLimit } from "../../../src/control/process/file-limit.ts";

const skip = !existsSync("/proc/self/limits") && "this system does not tell its limits";
const module = new URL("../../../src/control/process/file-limit.ts", import.meta.url).href;

/** The limit that a process with this limit reads, and how many files it has open itself. */
function readUnder(limit: string): { limit?: number; connections: number; open: number } {
  const program = `
    const { countOpenFiles, readFileLimit } = await import(${JSON.stringify(module)});
    console.log(JSON.stringify({ ...await readFileLimit(), open: await countOpenFiles() }));`;
  const args = [`--nofile=${limit}`, process.execPath, "--input-type=module", "--eval", program];
  return JSON.parse(execFileSync("prlimit", args, { encoding: "utf8" }));
}

test("two files a session and a reserve fit under the limit", { skip }, () => {
  const { limit, connections, open } = readUnder("1000:1000");
  assert.equal(limit, 1000);
  const files = 2 * connections + 64 + open;
  assert.ok(files <= 1000 && files >= 990, `${files} files`);
});

test("a limit that leaves no room still allows one session", { skip }, () => {
  assert.equal(readUnder("70:70").connections, 1);
});

test("the soft limit counts, as it does for the kernel", { skip }, async () => {
  const soft = Number(execFileSync("sh", ["-c", "ulimit -Sn"], { encoding: "utf8" }));
  assert.equal((await readFileLimit()).limit, soft);
});

test("open files are counted", { skip }, async () => {
  const before = await countOpenFiles();
  const files = Array.from({ length: 5 }, () => openSync("/dev/null", "r"));
  assert.equal(await countOpenFiles(), before + files.length);
  for (const file of files) closeSync(file);
});
