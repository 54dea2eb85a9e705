import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { patient } from "../support/patience.ts";

const child = join(import.meta.dirname, "log-child.ts");
const sentence = /umay: cannot write the log to standard output \((.*)\): lines are dropped/g;

interface Run {
  readonly code: number | null;
  readonly dropped: number;
  readonly stderr: string;
  /** From start to exit, in milliseconds. */
  readonly took: number;
}

/** Runs the logging process with `stdout` as its standard output. */
async function log(
  stdout: "pipe" | number,
  args: readonly string[],
  onStart?: (stdout: Readable) => void,
): Promise<Run> {
  const began = performance.now();
  const process_ = spawn(process.execPath, [child, ...args], { stdio: ["ignore", stdout, "pipe"] });
  if (process_.stdout !== null) onStart?.(process_.stdout);
  const stderr = text(process_.stderr!);
  const [code] = await once(process_, "exit");
  const took = performance.now() - began;
  const said = await stderr;
  return { code, took, stderr: said, dropped: Number(/dropped (\d+)/.exec(said)?.[1]) };
}

function tempFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "umay-log-"));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

function openPipe(context: TestContext): { readonly reader: number; readonly writer: number } {
  const path = join(tempFolder(context), "pipe");
  execFileSync("mkfifo", [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { reader, writer: openSync(path, "w") };
}

function numbersIn(output: string): number[] {
  assert.ok(output.endsWith("\n"));
  return output
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).line);
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

test("a file gets every line by the time the process ends", async (context) => {
  const path = join(tempFolder(context), "umay.log");
  const file = openSync(path, "w");
  const { code, dropped } = await log(file, ["json", "2000", "100"]);
  closeSync(file);
  assert.deepEqual({ code, dropped }, { code: 0, dropped: 0 });
  assert.deepEqual(numbersIn(readFileSync(path, "utf8")), upTo(2000));
});

test("a full disk costs the lines, which are counted, and one sentence on standard error", async () => {
  const full = openSync("/dev/full", "w");
  const { code, dropped, stderr } = await log(full, ["json", "500", "100"]);
  closeSync(full);
  assert.deepEqual({ code, dropped }, { code: 0, dropped: 500 });
  const said = [...stderr.matchAll(sentence)];
  assert.equal(said.length, 1);
  assert.match(said[0]![1]!, /ENOSPC/);
});

test("a socket whose reader has gone costs the lines, and the process lives on", async () => {
  const { code, dropped, stderr } = await log("pipe", ["json", "500", "100"], (stdout) => stdout.destroy());
  assert.deepEqual({ code, dropped }, { code: 0, dropped: 500 });
  assert.match([...stderr.matchAll(sentence)][0]![1]!, /EPIPE/);
});

test("a pipe whose reader has gone costs the lines, and the process lives on", async (context) => {
  const { reader, writer } = openPipe(context);
  closeSync(reader);
  const { code, dropped, stderr } = await log(writer, ["json", "500", "100"]);
  closeSync(writer);
  assert.deepEqual({ code, dropped }, { code: 0, dropped: 500 });
  assert.match([...stderr.matchAll(sentence)][0]![1]!, /EPIPE/);
});

test("a slow reader gets every line, whole and in order", async () => {
  const parts: Buffer[] = [];
  let ended: Promise<unknown> | undefined;
  const { dropped } = await log("pipe", ["json", "10000", "400"], (stdout) => {
    ended = once(stdout, "end");
    stdout.on("data", (part: Buffer) => {
      parts.push(part);
      stdout.pause();
      void sleep(1).then(() => stdout.resume());
    });
  });
  await ended;
  assert.equal(dropped, 0);
  assert.deepEqual(numbersIn(Buffer.concat(parts).toString()), upTo(10_000));
});

test("a reader that does not read cannot keep the process from ending", async (context) => {
  const { reader, writer } = openPipe(context);
  const { code, dropped, took } = await log(writer, ["json", "5000", "400"]);
  closeSync(writer);
  closeSync(reader);
  assert.equal(code, 0);
  assert.ok(dropped > 4000, `${dropped} dropped`);
  assert.ok(took < patient(10_000), `${took} ms`);
});

test("pretty lines are for people", async () => {
  let output: Promise<string> | undefined;
  const { code } = await log("pipe", ["pretty", "2", "3"], (stdout) => {
    output = text(stdout);
  });
  assert.equal(code, 0);
  assert.match(
    await output!,
    /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: xxx \{"line":0\}\n\[.*\] INFO: xxx \{"line":1\}\n$/,
  );
});
