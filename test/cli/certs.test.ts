import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { runCommand } from "../support/command.ts";

function folder(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "umay-certs-"));
  t.after(() => rmSync(dir, { recursive: true }));
  return dir;
}

test("umay certs makes a chain that openssl accepts, and says what it made", async (t) => {
  const dir = folder(t);
  const { code, stdout } = await runCommand(["certs", "-d", dir, "--name", "api.test", "--name", "10.1.2.3"]);
  assert.equal(code, 0);
  assert.match(stdout, /DNS:api\.test, IP Address:10\.1\.2\.3/);
  for (const check of [
    ["-verify_hostname", "localhost"],
    ["-verify_hostname", "api.test"],
    ["-verify_ip", "::1"],
  ]) {
    const args = [
      "verify",
      "-x509_strict",
      "-CAfile",
      join(dir, "dev-ca.pem"),
      ...check,
      join(dir, "dev.pem"),
    ];
    assert.match(execFileSync("openssl", args, { encoding: "utf8" }), /: OK/);
  }
});

test("in the working directory they go to ./certs, and a second call keeps them", async (t) => {
  const cwd = folder(t);
  assert.match((await runCommand(["certs"], { cwd })).stdout, /^certs\/dev\.pem, certs\/dev\.key \(made\)/);
  const before = readFileSync(join(cwd, "certs/dev.key"), "utf8");
  const again = await runCommand(["certs"], { cwd });
  assert.match(again.stdout, /kept; --force replaces them/);
  assert.equal(again.code, 0);
  assert.equal(readFileSync(join(cwd, "certs/dev.key"), "utf8"), before);
  assert.match((await runCommand(["certs", "--force"], { cwd })).stdout, /\(made\)/);
  assert.notEqual(readFileSync(join(cwd, "certs/dev.key"), "utf8"), before);
});

test("what cannot be used ends with 1, with what is wrong and what to do", async (t) => {
  const dir = folder(t);
  await runCommand(["certs", "-d", dir]);
  rmSync(join(dir, "dev.key"));
  const { code, stderr } = await runCommand(["certs", "-d", dir]);
  assert.match(stderr, /^umay: .*dev\.key is missing; umay certs --force replaces the files\n$/);
  assert.equal(code, 1);
});
