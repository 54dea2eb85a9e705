import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, test } from "node:test";
import { err, ok } from "../../../src/lib/result.ts";
import { ConfigError } from "../../../src/providers/provider.ts";
import { TomlProvider } from "../../../src/providers/toml/provider.ts";
import { smallest } from "./loading.ts";

const cwd = mkdtempSync(join(tmpdir(), "umay-provider-"));
after(() => rmSync(cwd, { recursive: true }));
const file = join(cwd, "umay.toml");
const bound = (port: number): string => smallest.replace("9994", String(port));

/** The effective values of two keys, one of which waits for a restart. */
async function counts(provider: TomlProvider): Promise<unknown[]> {
  const values = new Map((await provider.effective()).map(({ key, value }) => [key, value]));
  return [values.get("workers"), values.get("listeners.echo.bind")];
}

test("the file that was read first is read again, and what counts is what was served", async () => {
  writeFileSync(file, `workers = 1\n${bound(1)}`);
  const provider = new TomlProvider({ file: undefined, env: {}, cwd });
  const first = await provider.propose();
  assert.equal(provider.source, file);
  assert.deepEqual(await counts(provider), [1, "127.0.0.1:1"]);
  first.heard(ok(1));
  writeFileSync(file, `workers = 2\n${bound(2)}`);
  const second = await provider.propose();
  assert.equal(second.model.workers, 2);
  assert.deepEqual(await counts(provider), [1, "127.0.0.1:1"]);
  second.heard(err("a port is taken"));
  assert.deepEqual(await counts(provider), [1, "127.0.0.1:1"]);
  second.heard(ok(2));
  assert.deepEqual(await counts(provider), [1, "127.0.0.1:2"]);
});

test("a file that is wrong is no proposal", async () => {
  writeFileSync(file, smallest.replace("pool =", "pol ="));
  await assert.rejects(new TomlProvider({ file: undefined, env: {}, cwd }).propose(), ConfigError);
});

test("standard input can be read once", async () => {
  const stdin = Readable.from([Buffer.from(smallest)]);
  const provider = new TomlProvider({ file: "-", env: {}, cwd, stdin });
  await provider.propose();
  assert.equal(provider.source, "-");
  await assert.rejects(provider.propose(), /came from standard input, which cannot be read again/);
});

test("news of a control plane bring no file into service that was only tried, or that was refused", async () => {
  writeFileSync(file, bound(1));
  const provider = new TomlProvider({ file: undefined, env: {}, cwd });
  const portOf = async (onlyNews: boolean) => {
    const { model, heard } = await provider.propose(onlyNews);
    const { bind } = model.listeners[0]!;
    return { port: bind.kind === "tcp" && bind.port, heard };
  };
  (await portOf(false)).heard(ok(1));
  writeFileSync(file, bound(2));
  assert.equal((await portOf(false)).port, 2);
  assert.equal((await portOf(true)).port, 1);
  (await portOf(false)).heard(err("a port is taken"));
  assert.equal((await portOf(true)).port, 1);
  (await portOf(false)).heard(ok(2));
  assert.equal((await portOf(true)).port, 2);
});
