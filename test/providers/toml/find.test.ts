import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, test } from "node:test";
import { ConfigError } from "../../../src/providers/provider.ts";
import { type LoadOptions, loadConfig } from "../../../src/providers/toml/load.ts";
import { smallest } from "./loading.ts";

const root = mkdtempSync(join(tmpdir(), "umay-find-"));
after(() => rmSync(root, { recursive: true, force: true }));

/** A folder with files of this content. */
function folder(name: string, files: Readonly<Record<string, string | Uint8Array>>): string {
  const dir = join(root, name);
  mkdirSync(join(dir, "config"), { recursive: true });
  for (const [file, content] of Object.entries(files)) writeFileSync(join(dir, file), content);
  return dir;
}

const withWorkers = (workers: number): string => `workers = ${workers}\n${smallest}`;

async function workersOf(options: Partial<LoadOptions> & { cwd: string }): Promise<number> {
  return (await loadConfig({ file: undefined, env: {}, ...options })).model.workers;
}

async function failure(options: Partial<LoadOptions> & { cwd: string }): Promise<string> {
  const error = await loadConfig({ file: undefined, env: {}, ...options }).then(
    () => assert.fail("loaded"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ConfigError, String(error));
  const [problem, ...others] = error.problems;
  assert.deepEqual(others, []);
  return `${problem!.severity} ${problem!.where}: ${problem!.message}`;
}

test("the named file goes before UMAY_CONFIG, that before ./umay.toml, and that before ./config/umay.toml", async () => {
  const cwd = folder("order", {
    "named.toml": withWorkers(1),
    "variable.toml": withWorkers(2),
    "umay.toml": withWorkers(3),
    "config/umay.toml": withWorkers(4),
  });
  const env = { UMAY_CONFIG: "variable.toml" };
  assert.equal(await workersOf({ cwd, env, file: "named.toml" }), 1);
  assert.equal(await workersOf({ cwd, env }), 2);
  assert.equal(await workersOf({ cwd, env: { UMAY_CONFIG: "" } }), 3);
  rmSync(join(cwd, "umay.toml"));
  assert.equal(await workersOf({ cwd }), 4);
});

test("the absolute path of the file that was read is told", async () => {
  const cwd = folder("path", { "config/umay.toml": smallest });
  assert.equal((await loadConfig({ file: undefined, env: {}, cwd })).file, join(cwd, "config/umay.toml"));
});

test("a dash reads standard input, from which paths start at the working directory", async () => {
  const text = smallest.replace("127.0.0.1:1994", "unix:run/echo.sock");
  const bytes = Buffer.from(text);
  const stdin = Readable.from([bytes.subarray(0, 20), bytes.subarray(20)]);
  const { model, file } = await loadConfig({ file: "-", env: {}, cwd: "/somewhere", stdin });
  assert.equal(file, "-");
  const [pool] = model.pools;
  assert.ok(pool?.discovery.type === "static");
  assert.equal(pool.discovery.backends[0]?.address, "unix:/somewhere/run/echo.sock");
});

test("standard input is read up to 16 MiB, and ended there", async () => {
  let given = 0;
  function* endless(): Generator<Buffer> {
    for (; given < 64; given++) yield Buffer.alloc(1024 * 1024, "#");
  }
  const said = await failure({ cwd: root, file: "-", stdin: Readable.from(endless()) });
  assert.match(said, /^error <stdin>: - holds more than 16 MiB, the most that is read/);
  assert.ok(given < 32);
});

test("problems in standard input are placed in it", async () => {
  const stdin = Readable.from(["workers = 0\n", smallest]);
  assert.match(await failure({ cwd: root, file: "-", stdin }), /^error <stdin>:1:11: expected "auto"/);
});

test("without any file the searched places and the demo are named", async () => {
  const cwd = folder("nothing", {});
  const message = await failure({ cwd });
  assert.match(message, /looked for umay\.toml, config\/umay\.toml, \/etc\/umay\/umay\.toml/);
  assert.match(message, /umay demo/);
  assert.ok(message.includes(cwd));
});

test("a named file that does not exist is an error, also when there is one in a usual place", async () => {
  const cwd = folder("missing", { "umay.toml": smallest });
  const missing = `error absent.toml: ${join(cwd, "absent.toml")} does not exist; check the path`;
  assert.equal(await failure({ cwd, file: "absent.toml" }), missing);
  assert.equal(await failure({ cwd, env: { UMAY_CONFIG: "absent.toml" } }), missing);
});

test("a folder is told apart from a file", async () => {
  assert.match(
    await failure({ cwd: folder("folder", {}), file: "config" }),
    /is a folder; name a file in it$/,
  );
});

test("a file that may not be read says who may not read it", { skip: process.getuid?.() !== 0 }, async () => {
  const cwd = folder("secret", { "umay.toml": smallest });
  process.seteuid!(65_534);
  try {
    assert.match(await failure({ cwd }), /may not be read by the user \S+; give that user read permission/);
  } finally {
    process.seteuid!(0);
  }
});

test("a file that is not UTF-8 is told so", async () => {
  const cwd = folder("latin", { "umay.toml": Uint8Array.of(0x23, 0xe4, 0x0a) });
  assert.match(await failure({ cwd }), /^error umay\.toml: is not UTF-8 text/);
});

test("a byte order mark and Windows line ends do no harm, and positions stay true", async () => {
  const cwd = folder("windows", { "umay.toml": `\ufeff${smallest}`.replaceAll("\n", "\r\n") });
  assert.ok(await loadConfig({ file: undefined, env: {}, cwd }));
  writeFileSync(join(cwd, "umay.toml"), `\ufeffworkers = 0\r\n${smallest}`);
  assert.match(await failure({ cwd }), /^error umay\.toml:1:11: /);
});

test("how logs look by default follows the terminal", async () => {
  const cwd = folder("terminal", { "umay.toml": smallest });
  const formatOf = async (terminal: boolean): Promise<string> =>
    (await loadConfig({ file: undefined, env: {}, cwd, terminal })).model.log.format;
  assert.deepEqual([await formatOf(true), await formatOf(false)], ["pretty", "json"]);
});
