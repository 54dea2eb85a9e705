import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { runCommand, startCommand } from "../support/command.ts";

const commands = [
  "run",
  "check",
  "config",
  "schema",
  "demo",
  "echo",
  "certs",
  "health",
  "status",
  "reload",
  "drain",
  "undrain",
  "stop",
  "explain",
  "version",
];

test("-V, --version and version print one line with umay's and Node's version", async () => {
  for (const args of [["-V"], ["--version"], ["version"]]) {
    const { code, stdout, stderr } = await runCommand(args);
    assert.match(stdout, /^umay \d+\.\d+\.\d+ \(Node \d+\.\d+\.\d+, OpenSSL [\d.]+\)\n$/);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  }
});

test("-h lists every command", async () => {
  const { code, stdout } = await runCommand(["-h"]);
  assert.equal(code, 0);
  for (const command of commands) assert.match(stdout, new RegExp(`^ {2}${command}\\b`, "m"));
});

const misuses: readonly (readonly [args: readonly string[], answer: RegExp])[] = [
  [["chekc"], /^umay: unknown command 'chekc'\n\(Did you mean check\?\)/],
  [["--vresion"], /unknown option '--vresion'\n\(Did you mean --version\?\)/],
  [["check", "--confg", "x"], /unknown option '--confg'\n\(Did you mean --config\?\)/],
  [["check", "a.toml", "b.toml"], /^umay: too many arguments/],
  [["check", "a.toml", "-c", "b.toml"], /^umay: FILE and --config both name the configuration/],
  [["drain"], /^Usage: umay drain/],
  [["drain", "--all", "--wait"], /^umay: --all drains the whole process/],
  [["--config"], /argument missing/],
  [["certs", "--days", "0"], /Give a whole number from 1 to 36500/],
  [["certs", "--name", "a b"], /--name a b is neither a DNS name .* nor an IP address/],
  [["echo", "--bind", "1994"], /It has no port; write host:port/],
  [["health", "--admin", "::1:80"], /write \[address\]:port/],
];

for (const [args, answer] of misuses) {
  test(`"umay ${args.join(" ")}" is refused with exit code 2 and an answer`, async () => {
    const { code, stdout, stderr } = await runCommand(args);
    assert.match(stderr, answer);
    assert.deepEqual({ code, stdout }, { code: 2, stdout: "" });
  });
}

test("schema prints a JSON Schema that knows the tables", async () => {
  const { code, stdout } = await runCommand(["schema"]);
  assert.equal(code, 0);
  const schema = JSON.parse(stdout) as { properties: Record<string, unknown> };
  for (const table of ["listeners", "pools", "admin", "log", "shutdown"]) assert.ok(schema.properties[table]);
});

test("a reader that goes away is no reason to crash", async () => {
  using started = startCommand(["schema"]);
  started.child.stdout.destroy();
  await once(started.child.stdout, "close");
  assert.equal((await started.finished).stderr, "");
});
