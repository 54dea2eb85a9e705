import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { startEcho } from "../../src/cli/echo-server.ts";
import { testCertificates } from "../support/certificates.ts";
import { runCommand, startCommand } from "../support/command.ts";

/** A configuration with one plain listener. */
const plainToml = (bind: string, backend = "127.0.0.1:9"): string => `
[listeners.web]
bind = "${bind}"
pool = "echo"
[pools.echo.discovery]
type = "static"
backends = ["${backend}"]
`;

function folder(t: TestContext, files: Readonly<Record<string, string>>): string {
  const dir = mkdtempSync(join(tmpdir(), "umay-run-"));
  t.after(() => rmSync(dir, { recursive: true }));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(dir, name), content);
  return dir;
}

test("it serves until SIGTERM, and ends with 0", async (t) => {
  const backend = await startEcho({ bind: "127.0.0.1:0", name: "b" });
  t.after(() => backend.close());
  assert.ok(backend.address.kind === "tcp");
  const cwd = folder(t, { "umay.toml": plainToml("127.0.0.1:0", `127.0.0.1:${backend.address.port}`) });
  using started = startCommand([], { cwd });
  const [, port] = await started.seen(/"listeners":\{"web":\["127\.0\.0\.1:(\d+)"\]\}/);
  const socket = connect({ host: "127.0.0.1", port: Number(port), allowHalfOpen: true });
  socket.end("Hello, Umay!\n");
  assert.equal(await text(socket), "b: Hello, Umay!\n");
  started.child.kill("SIGTERM");
  const { code, stderr } = await started.finished;
  assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
});

test("a port that someone else has is named with its listener, with exit code 1", async (t) => {
  const taken = createServer().listen(0, "127.0.0.1");
  t.after(() => taken.close());
  await once(taken, "listening");
  const bind = `127.0.0.1:${(taken.address() as { port: number }).port}`;
  const { code, stderr } = await runCommand(["run", "-c", "-"], { input: plainToml(bind) });
  assert.match(stderr, new RegExp(`^umay: listener web cannot listen on ${bind}: .*EADDRINUSE`));
  assert.equal(code, 1);
});

test("an admin port that someone else has is named, with exit code 1", async (t) => {
  const taken = createServer().listen(0, "127.0.0.1");
  t.after(() => taken.close());
  await once(taken, "listening");
  const bind = `127.0.0.1:${(taken.address() as { port: number }).port}`;
  const input = `admin = { bind = "${bind}" }\n${plainToml("127.0.0.1:0")}`;
  const { code, stderr } = await runCommand(["run", "-c", "-"], { input });
  assert.match(stderr, new RegExp(`^umay: admin cannot listen on ${bind}: .*EADDRINUSE`));
  assert.equal(code, 1);
});

test("an invalid configuration ends run, check and -t with 78 and every problem on standard error", async () => {
  const input = `workrs = 2\n${plainToml("nowhere")}`;
  for (const args of [["run"], ["check"], ["-t"], ["--test"], []]) {
    const { code, stdout, stderr } = await runCommand([...args, "-c", "-"], { input });
    assert.deepEqual({ args, code, stdout }, { args, code: 78, stdout: "" });
    assert.match(stderr, /<stdin>:1:1: error: .*workrs/);
    assert.match(stderr, /<stdin>:4:8: error: listeners\.web\.bind/);
  }
});

test("the file of --config comes before UMAY_CONFIG, and that before ./umay.toml", async (t) => {
  const good = plainToml("127.0.0.1:0");
  const cwd = folder(t, {
    "umay.toml": `one = 1\n${good}`,
    "env.toml": `two = 2\n${good}`,
    "named.toml": good,
  });
  assert.match((await runCommand(["check"], { cwd })).stderr, /^umay\.toml:1:1/);
  const env = { UMAY_CONFIG: "env.toml" };
  assert.match((await runCommand(["check"], { cwd, env })).stderr, /^env\.toml:1:1/);
  const { code, stdout } = await runCommand(["check", "-c", "named.toml"], { cwd, env });
  assert.match(stdout, /named\.toml is good/);
  assert.equal(code, 0);
});

test("a named file that is missing ends with 78", async () => {
  const { code, stderr } = await runCommand(["-c", "/nowhere/umay.toml"]);
  assert.match(stderr, /\/nowhere\/umay\.toml.* does not exist/);
  assert.equal(code, 78);
});

test("check shows what would run, and warns of a certificate that has expired", async () => {
  const { expired } = await testCertificates();
  const tls = `\n[[listeners.web.tls.certificates]]\ncert = "${expired.cert}"\nkey = "${expired.key}"\n`;
  const input = plainToml("127.0.0.1:0") + tls;
  const asText = await runCommand(["check", "-c", "-"], { input });
  assert.equal(asText.code, 0);
  assert.match(asText.stdout, /listener web: tcp on 127\.0\.0\.1:0, TLSv1\.2 to TLSv1\.3, to pool echo/);
  assert.match(asText.stdout, /certificate .*expired\.pem for localhost/);
  assert.match(asText.stderr, /warning: .*expired/);
  const asJson = await runCommand(["check", "-c", "-", "--json"], { input });
  const answer = JSON.parse(asJson.stdout) as {
    ok: boolean;
    problems: { severity: string; message: string }[];
  };
  assert.equal(answer.ok, true);
  assert.ok(
    answer.problems.some(({ severity, message }) => severity === "warning" && /expired/.test(message)),
  );
});

test("check as JSON tells the problems on standard output", async () => {
  const { code, stdout, stderr } = await runCommand(["check", "-c", "-", "--json"], {
    input: `workrs = 2\n${plainToml("127.0.0.1:0")}`,
  });
  const answer = JSON.parse(stdout) as { ok: boolean; problems: { where: string; message: string }[] };
  assert.deepEqual({ code, stderr, ok: answer.ok }, { code: 78, stderr: "", ok: false });
  assert.equal(answer.problems[0]?.where, "<stdin>:1:1");
});
