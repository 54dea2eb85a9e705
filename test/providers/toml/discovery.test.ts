import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { loadBackends } from "../../../src/providers/toml/backends-file.ts";
import { serviceName } from "../../../src/providers/toml/resolve/discovery.ts";
import { dnsDefaults } from "../../discovery/watching.ts";
import { load, loadModel, problemLines, smallest } from "./loading.ts";

const withDiscovery = (lines: string): string => smallest.replace(/type = "static"\n.*\n/, `${lines}\n`);

test("SRV records need no port, and forbid one", async () => {
  const srv = withDiscovery('type = "dns"\nname = "_api._tcp.test"\nrecord = "srv"');
  const [pool] = (await loadModel(srv)).pools;
  assert.ok(pool?.discovery.type === "dns");
  assert.deepEqual([pool.discovery.record, pool.discovery.port], ["srv", undefined]);
  assert.deepEqual(await problemLines(`${srv}port = 80\n`), [
    "error umay.toml:9:8 pools.echo.discovery.port: SRV records have ports of their own; remove this key",
  ]);
});

test("addresses need a port", async () => {
  assert.deepEqual(await problemLines(withDiscovery('type = "dns"\nname = "api.test"')), [
    "error umay.toml:5:2 pools.echo.discovery.port: is missing; expected the port of every backend, from 1 to 65535",
  ]);
});

test("a pipe in place of a file of backends is a problem at once, each time it is looked at", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "umay-config-"));
  const pipe = join(folder.path, "backends.toml");
  execFileSync("mkfifo", [pipe]);
  for (let again = 0; again < 6; again++)
    assert.deepEqual(await loadBackends(pipe), {
      ok: false,
      error: `${pipe}: is a pipe, and umay reads regular files only`,
    });
});

test("a file's path starts at the configuration's folder; what is wrong with the file is a warning, with its place", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "umay-config-"));
  const text = withDiscovery('type = "file"\npath = "backends.toml"');
  const file = join(folder.path, "backends.toml");
  const until =
    "warning umay.toml:7:8 pools.echo.discovery.path: until the file is good this pool has no backend";
  assert.deepEqual(await problemLines(text, {}, folder.path), [
    `${until}: ${file}: does not exist; check the path`,
  ]);
  await writeFile(file, 'backends = ["10.0.0.1"]');
  assert.deepEqual(await problemLines(text, {}, folder.path), [
    `${until}: ${file}:1:13: backends[0]: "10.0.0.1" has no port; write host:port`,
  ]);
  await writeFile(file, 'backends = ["10.0.0.1:80"]');
  const { model, problems } = await load(text, {}, folder.path);
  assert.deepEqual(problems, []);
  assert.deepEqual(model?.pools[0]?.discovery, { type: "file", path: file });
});

test("a file of backends that is not text is told so", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "umay-config-"));
  const file = join(folder.path, "backends");
  await writeFile(file, Buffer.from([0xff, 0xfe, 0x00]));
  const message = `${file}: is not UTF-8 text, which it must be; save it as UTF-8`;
  assert.deepEqual(await loadBackends(file), { ok: false, error: message });
});

test("the name that TLS verifies is that of the service, not of a label before it or of a record's target", () => {
  const names = ["api.test", "_api._tcp.api.test", "_api._tcp.test.", "api._tcp.test"];
  assert.deepEqual(
    names.map((name) => serviceName({ ...dnsDefaults, name, record: "srv", port: undefined })),
    ["api.test", "api.test", "test", "api._tcp.test"],
  );
  assert.equal(serviceName({ ...dnsDefaults, name: "_api._tcp.test" }), "_api._tcp.test");
  assert.equal(serviceName({ type: "file", path: "/b.toml" }), undefined);
});
