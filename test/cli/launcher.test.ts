import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { type TestContext, test } from "node:test";
import { projectRoot } from "../support/command.ts";

/** A package with nothing but the launcher in it. */
function installed(t: TestContext, engines: string): string {
  const dir = mkdtempSync(join(tmpdir(), "umay-launcher-"));
  t.after(() => rmSync(dir, { recursive: true }));
  mkdirSync(join(dir, "bin"));
  cpSync(join(projectRoot, "bin/umay.js"), join(dir, "bin/umay.js"));
  writeFileSync(join(dir, "package.json"), JSON.stringify({ type: "module", engines: { node: engines } }));
  return join(dir, "bin/umay.js");
}

function launch(node: string, file: string): Promise<{ code: unknown; stderr: string }> {
  return new Promise((resolve) =>
    execFile(node, [file], (error, _stdout, stderr) => resolve({ code: error?.code ?? 0, stderr })),
  );
}

test("a Node that is too old is told what is needed, in one line", async (t) => {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  for (const needed of [`>=${major + 1}.0`, `>=${major}.${minor + 1}`]) {
    const { code, stderr } = await launch(process.execPath, installed(t, needed));
    assert.equal(
      stderr,
      `umay: needs Node ${needed}, this is Node ${process.versions.node} (${process.execPath}); get one from https://nodejs.org/en/download\n`,
    );
    assert.equal(code, 78);
  }
});

test("a Node that is too old is told of the one that a checkout brings", async (t) => {
  const file = installed(t, ">=999.0");
  writeFileSync(join(file, "../../package-lock.json"), "{}");
  const { stderr } = await launch(process.execPath, file);
  assert.match(stderr, /^umay: needs Node .*; npx umay, in the folder of this checkout, has one\n$/);
});

test("without dist it says how to build it", async (t) => {
  const { code, stderr } = await launch(process.execPath, installed(t, ">=24.20"));
  assert.equal(stderr, "umay: is not built yet; run `npm run build` first\n");
  assert.equal(code, 78);
});

const olderNode = (process.env["PATH"] ?? "")
  .split(delimiter)
  .map((dir) => join(dir, "node"))
  .find((file) => existsSync(file) && file.startsWith("/usr/"));

test("whatever Node the machine has can read the launcher", { skip: olderNode === undefined }, async () => {
  const { stderr } = await launch(olderNode!, join(projectRoot, "bin/umay.js"));
  assert.doesNotMatch(stderr, /SyntaxError|\n.*\n/);
});
