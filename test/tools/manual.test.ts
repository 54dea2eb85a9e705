import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { createProgram } from "../../src/cli/program.ts";
import { manual } from "../../tools/package/manual.ts";

const program = createProgram(true, () => {});
const groff = spawnSync("groff", ["--version"]).error === undefined;

test("the manual page has every command, option and exit code", () => {
  const lines = manual(program, "1.2.3").split("\n");
  for (const command of program.commands) {
    assert.ok(lines.includes(`.SS "${command.name()}"`), command.name());
    for (const { flags } of command.options)
      assert.ok(lines.includes(`.B ${flags.replaceAll("-", "\\-")}`), flags);
  }
  assert.ok(lines.includes(".B [url]"), "the argument of explain");
  for (const code of [0, 1, 2, 78]) assert.ok(lines.includes(`.B ${code}`), String(code));
});

test("the manual page is set without a warning", { skip: groff ? false : "no groff" }, () => {
  const { stdout, stderr, status } = spawnSync("groff", ["-man", "-Tutf8", "-ww"], {
    input: manual(program, "1.2.3"),
    encoding: "utf8",
  });
  assert.equal(stderr, "");
  assert.equal(status, 0);
  assert.match(stdout, /print help; also after a command/);
});
