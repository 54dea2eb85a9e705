import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { parse } from "smol-toml";
import { layout } from "../../../src/channel/layout.ts";
import { createCertificate } from "../../../src/cli/create-certificate.ts";
import type { Model } from "../../../src/model/model.ts";
import { formatEffective, readEffective } from "../../../src/providers/toml/effective.ts";
import { loadConfigText } from "../../../src/providers/toml/load.ts";
import { alternatives, type SchemaNode } from "../../../src/providers/toml/schema/nodes.ts";
import { mostBackends } from "../../../src/providers/toml/schema/pool.ts";
import { jsonSchema, mostListeners, mostPools } from "../../../src/providers/toml/schema.ts";

const root = resolve(import.meta.dirname, "../../..");
const dir = mkdtempSync(join(tmpdir(), "umay-documents-"));
after(() => rmSync(dir, { recursive: true, force: true }));

const files = ["config/umay.toml", ...globSync("config/examples/*.toml", { cwd: root })];

/** Loads a text from a folder beside which the certificates of the demo are; others are read from there too. */
async function loadShipped(text: string): Promise<Model> {
  const here = text.replace(/"[^"]*\/([a-z]+)\.(pem|key)"/g, (_, _name, kind) => `"../certs/dev.${kind}"`);
  const { model, warnings } = await loadConfigText(here, {
    name: "shipped",
    directory: join(dir, "config"),
    env: {},
    takePlanned: true,
  });
  assert.deepEqual(warnings, []);
  return model;
}

before(async () => {
  const notAfter = new Date(Date.now() + 90 * 86_400_000);
  const { cert, key } = await createCertificate({ commonName: "*.api.example.com", notAfter });
  mkdirSync(join(dir, "certs"));
  mkdirSync(join(dir, "config"));
  for (const file of ["backends.json", "htpasswd"])
    copyFileSync(join(root, "config/examples", file), join(dir, "config", file));
  writeFileSync(join(dir, "certs/dev.pem"), cert);
  writeFileSync(join(dir, "certs/dev.key"), key);
});

const readShipped = (file: string): string => readFileSync(join(root, file), "utf8");

for (const file of files)
  test(`${file} is valid, without a warning, and names its schema`, async () => {
    const text = readShipped(file);
    assert.ok((await loadShipped(text)).listeners.length > 0);
    const [, schema] = /^#:schema (\S+)\n/.exec(text) ?? [];
    assert.equal(resolve(root, file, "..", schema!), join(root, "config/umay.schema.json"));
  });

for (const file of files)
  test(`${file} means the same with all that counts for it written out`, async () => {
    const text = readShipped(file);
    const values = await readEffective({ text, name: file, env: {} });
    assert.deepEqual(await loadShipped(formatEffective(values)), await loadShipped(text));
  });

test("the file of the demo says what the demo is", async () => {
  const { admin, listeners, pools } = await loadShipped(readShipped("config/umay.toml"));
  assert.deepEqual(admin?.bind, { kind: "tcp", host: "127.0.0.1", port: 9901 });
  const [listener, ...others] = listeners;
  assert.deepEqual(others, []);
  assert.deepEqual(listener?.bind, { kind: "tcp", host: "0.0.0.0", port: 9994 });
  const [pool] = pools;
  assert.ok(pool?.name === "echo" && pool.picker.type === "round-robin" && pool.discovery.type === "static");
  assert.deepEqual(
    pool.discovery.backends.map(({ address }) => address),
    ["127.0.0.1:1994", "127.0.0.1:1995", "127.0.0.1:1996"],
  );
});

test("what config/umay.toml has in comments is valid too, and shows defaults", async () => {
  const [optional = ""] = readShipped("config/umay.toml").split("# Or ask DNS");
  const lines = optional.replace(/^# (?=[a-z_]+ = |\[)/gm, "").split("\n");
  // Where a key is there with and without #, the one that was commented out counts: it comes last.
  const isReplaced = (line: string, index: number): boolean => {
    const [key] = /^(?:picker|backends) = /.exec(line) ?? [];
    return key !== undefined && lines.slice(index + 1).some((later) => later.startsWith(key));
  };
  const uncommented = lines.filter((line, index) => !isReplaced(line, index)).join("\n");
  assert.deepEqual(Object.keys(parse(uncommented)).sort(), [
    "admin",
    "listeners",
    "log",
    "pools",
    "shutdown",
    "workers",
  ]);
  const [shown, plain] = [await loadShipped(uncommented), await loadShipped(readShipped("config/umay.toml"))];
  assert.deepEqual([shown.log, shown.shutdown], [plain.log, plain.shutdown]);
  assert.deepEqual(shown.listeners[0]?.timeouts, plain.listeners[0]?.timeouts);
  assert.deepEqual(shown.pools[0]?.connect, plain.pools[0]?.connect);
});

test("the generated schema and documents are up to date", () => {
  execFileSync(process.execPath, [join(root, "tools/generate.ts"), "--check"], { stdio: "pipe" });
});

test("the schema is draft 7, closed everywhere, and describes every key", () => {
  const schema = jsonSchema() as SchemaNode & { $schema: string };
  assert.equal(schema.$schema, "http://json-schema.org/draft-07/schema#");
  const visit = (node: SchemaNode, path: string): void => {
    for (const choice of alternatives(node)) {
      if (choice.type === "object") assert.notEqual(choice.additionalProperties, undefined, path);
      for (const [key, child] of Object.entries(choice.properties ?? {})) {
        // The tables say what a table's type means.
        if (key !== "type") assert.ok(child.description?.endsWith("."), `${path}.${key} lacks a description`);
        visit(child, `${path}.${key}`);
      }
      if (choice.items !== undefined) visit(choice.items, `${path}[]`);
      if (typeof choice.additionalProperties === "object") visit(choice.additionalProperties, `${path}.*`);
    }
  };
  visit(schema, "");
});

test("as many listeners, pools and backends are allowed as shared memory has room for", () => {
  assert.deepEqual([mostListeners, mostPools], [layout.listener.capacity, layout.pool.capacity]);
  assert.ok(mostBackends <= layout.backend.capacity);
});
