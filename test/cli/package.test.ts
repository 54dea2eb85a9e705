import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { globSync, mkdtempDisposableSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { projectRoot, runCommand, startCommand } from "../support/command.ts";
import { demoEnvironment } from "../support/demo-environment.ts";

const folder = mkdtempDisposableSync(join(tmpdir(), "umay-package-"));
after(() => folder.remove());

function npm(...args: string[]): void {
  execFileSync("npm", [...args, "--ignore-scripts"], { cwd: projectRoot, stdio: "pipe" });
}

// Without scripts: `prepare` would replace the dist/ that other tests run.
npm("pack", "--pack-destination", folder.path);
const [tarball = ""] = globSync("*.tgz", { cwd: folder.path });
// Offline: a package that needed another one would fail here.
npm("install", "--offline", "--prefix", folder.path, join(folder.path, tarball));
const installed = join(folder.path, "node_modules");
const program = [join(installed, ".bin/umay")];

test("an installation brings umay and no other package", () => {
  const packages = readdirSync(installed).filter((name) => !name.startsWith("."));
  assert.deepEqual(packages, ["umay"]);
});

test("the installed umay checks a configuration, and explains a mistake with its place", async () => {
  const good = '[listeners.a]\nbind = "127.0.0.1:0"\npool = "b"\n[pools.b.discovery]\ntype = "static"\n';
  const input = `${good}backends = ["127.0.0.1:1"]\n`;
  const options = { program, cwd: folder.path };
  assert.equal((await runCommand(["check", "--config", "-"], { ...options, input })).code, 0);
  const mistaken = await runCommand(["check", "--config", "-"], { ...options, input: `${input}x = 1\n` });
  assert.match(mistaken.stderr, /^<stdin>:7:1: error: pools\.b\.discovery\.x: /m);
  assert.equal(mistaken.code, 78);
});

test("the installed umay runs the demo", async () => {
  using started = startCommand(["demo"], { program, cwd: folder.path, env: await demoEnvironment() });
  const [, address] = await started.seen(/admin server on (http:\S+)/);
  for (const path of ["readyz", "status", "metrics", ""])
    assert.equal((await fetch(`${address}/${path}`)).status, 200, path);
  started.child.kill("SIGTERM");
  assert.equal((await started.finished).code, 0);
});
