import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";

const dist = resolve(import.meta.dirname, "../../dist");
const read = (path: string): string => readFileSync(join(dist, path), "utf8");

test("worker threads of the built program read the engine for regular expressions only when they need it", () => {
  assert.match(read("lib/regex-engine.js"), /RE2JSSyntaxException/);
  assert.doesNotMatch(read("data/worker.js"), /RE2JSSyntaxException/);
  assert.doesNotMatch(read("cli/main.js"), /RE2JSSyntaxException/);
});

test("the built program finds the engine", () => {
  const text = `[listeners.web]
bind = "127.0.0.1:1"
pool = "a"
[routes.x]
path_regex = "/(?=x)"
pool = "a"
[pools.a]
discovery = { type = "static", backends = ["127.0.0.1:2"] }
`;
  const { status, stderr } = spawnSync(process.execPath, [join(dist, "../bin/umay.js"), "check", "-c", "-"], {
    input: text,
    encoding: "utf8",
  });
  assert.equal(status, 78);
  assert.match(stderr, /path_regex: "\/\(\?=x\)" looks ahead or behind/);
});
