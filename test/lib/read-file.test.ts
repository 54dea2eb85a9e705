import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { describeReadError, readWhole } from "../../src/lib/read-file.ts";

const dir = mkdtempSync(join(tmpdir(), "umay-read-"));
after(() => rmSync(dir, { recursive: true, force: true }));
const at = (name: string): string => join(dir, name);

const problemOf = (file: string, most = 100): Promise<string> =>
  readWhole(file, most).then(() => assert.fail("it was read"), describeReadError);

test("a file is read whole, also behind a link, up to the most that it may hold", async () => {
  const content = Buffer.alloc(200_000, "0123456789");
  writeFileSync(at("file"), content);
  symlinkSync("file", at("link"));
  for (const name of ["file", "link"]) assert.deepEqual(await readWhole(at(name), content.length), content);
  assert.match(await problemOf(at("file"), content.length - 1), /^holds more than 199999 bytes, the most/);
  assert.match(await problemOf(at("file"), 2 ** 20 / 8), /^holds more than 131072 bytes/);
  writeFileSync(at("empty"), "");
  assert.equal((await readWhole(at("empty"), 0)).length, 0);
});

test("a file that says it is empty is read to its end, and no further than to the most", async () => {
  const file = "/proc/self/mountinfo";
  const { length } = await readWhole(file, 1_000_000);
  assert.ok(length > 10);
  assert.match(await problemOf(file, 10), /^holds more than 10 bytes/);
});

test("what is no regular file is refused by its kind, and not waited for", async () => {
  execFileSync("mkfifo", [at("pipe")]);
  mkdirSync(at("folder"));
  const server = createServer().listen(at("socket"));
  await once(server, "listening");
  symlinkSync("/dev/zero", at("zero"));
  const others = "and umay reads regular files only";
  assert.equal(await problemOf(at("pipe")), `is a pipe, ${others}`);
  assert.equal(await problemOf(at("socket")), `is a socket, ${others}`);
  assert.equal(await problemOf(at("zero")), `is a device, ${others}`);
  assert.equal(await problemOf(at("folder")), "is a folder; name a file in it");
  assert.equal(await problemOf(at("missing")), "does not exist; check the path");
  server.close();
});
