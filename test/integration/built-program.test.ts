import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { globSync, mkdtempDisposableSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { startBackend } from "../support/backend.ts";
import { connectPlain } from "../support/client.ts";
import { projectRoot, runCommand } from "../support/command.ts";
import { startUmay } from "../support/umay.ts";

const dist = join(projectRoot, "dist");
const built = globSync("**/*.js", { cwd: dist }).map((file) => join(dist, file));

/** Every module that the built program loads only when it is needed. */
function lazyModules(): readonly string[] {
  const found = built.flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(/\bimport\("(\.[^"]+)"\)/g)].map(([, path]) =>
      resolve(dirname(file), path!),
    ),
  );
  return [...new Set(found)].sort();
}

test("every module that is loaded when it is needed loads in the built program", async () => {
  const modules = lazyModules();
  assert.ok(modules.length > 20, `only ${modules.length} were found`);
  const load = modules.map((file) => `await import(${JSON.stringify(pathToFileURL(file).href)});`).join("\n");
  await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", load]);
});

test("no file of the built program asks for a file that was left behind", () => {
  for (const file of built)
    assert.doesNotMatch(readFileSync(file, "utf8"), /\brequire\d*\("\.{1,2}\//, `${file} is not whole`);
});

test("a broken list of backends in JSON is told with its place, and ends neither umay nor its start", async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-"));
  await using backend = await startBackend();
  const list = join(dir.path, "backends.json");
  const good = JSON.stringify({ backends: [backend.address] });
  const toml = `listeners.echo = { bind = "127.0.0.1:0", pool = "echo" }
pools.echo.discovery = { type = "file", path = "${list}" }`;
  const broken = [
    ['{"backends":["127.0.0.1:273', ":1:28: not valid JSON: "],
    ['{"backends":["127.0.0.1:273"],\n "weight": 1}', ":2:2: weight: unknown key"],
    [`{"backends":${"[".repeat(60)}${"]".repeat(60)}}`, ":1:45: is nested more than 32 levels deep"],
  ] as const;

  writeFileSync(list, good);
  await using umay = await startUmay(toml);
  for (const [text, words] of broken) {
    writeFileSync(list, text);
    const failed = await umay.logged(({ msg }) => msg.startsWith(`discovery failed: ${list}${words}`));
    assert.equal(failed["serving"], "last-good");
  }
  using client = await connectPlain(umay.port("echo"));
  using served = await backend.next();
  await client.write("still there");
  assert.equal((await served.read(11)).toString(), "still there");

  const checked = await runCommand(["check", "--config", "-"], { input: toml });
  assert.equal(checked.code, 0, checked.stderr);
  await using second = await startUmay(toml);
  await second.logged(({ msg }) => msg.includes("no backend is known"));
});
