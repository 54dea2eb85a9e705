import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createProgram } from "../../src/cli/program.ts";
import { bashCompletion } from "../../tools/package/completion.ts";

const folder = mkdtempDisposableSync(join(tmpdir(), "umay-completion-"));
after(() => folder.remove());
const file = join(folder.path, "umay");
writeFileSync(file, bashCompletion(createProgram(true, () => {})));
writeFileSync(join(folder.path, "my.toml"), "");

/** The words that bash offers after these; the last one is being typed. */
function offered(...words: readonly string[]): string[] {
  const script = `. "$0"; COMP_WORDS=(umay "$@"); COMP_CWORD=$#; _umay; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const output = execFileSync("bash", ["-c", script, file, ...words], { cwd: folder.path, encoding: "utf8" });
  return output.split("\n").filter((line) => line !== "");
}

test("commands are completed", () => {
  assert.deepEqual(offered("ec"), ["echo"]);
  assert.ok(offered("").includes("reload"));
});

test("options are those of the command", () => {
  assert.deepEqual(offered("drain", "--de"), ["--deadline"]);
  assert.deepEqual(offered("reload", "--de"), []);
  assert.deepEqual(offered("reload", "--json", "--dr"), ["--dry-run"]);
});

test("values are completed where they are known", () => {
  assert.deepEqual(offered("check", "-c", "my"), ["my.toml"]);
  assert.deepEqual(offered("drain", "--pool", ""), []);
});
