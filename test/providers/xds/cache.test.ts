import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import type { XdsCache } from "../../../src/model/xds.ts";
import { CacheFile, type Kept, readCacheKey } from "../../../src/providers/xds/cache.ts";
import { kindNames } from "../../../src/providers/xds/resources.ts";

const dir = mkdtempSync(join(tmpdir(), "umay-cache-"));
after(() => rmSync(dir, { recursive: true, force: true }));

const node = { id: "umay-1", cluster: "edge" };
const keyFile = join(dir, "key");
writeFileSync(keyFile, randomBytes(32).toString("hex"));

let files = 0;
const settings = (more: Partial<XdsCache> = {}): XdsCache => ({
  file: join(dir, `cache-${files++}`),
  secrets: "clear",
  keyFile: undefined,
  ...more,
});

const kept = fc.array(
  fc.record(
    {
      kind: fc.constantFrom(...kindNames),
      origin: fc.string(),
      name: fc.string(),
      version: fc.string(),
      bytes: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    },
    { noNullPrototype: true },
  ),
);

for (const [how, more] of [
  ["in the clear", {}],
  ["encrypted", { secrets: "encrypt", keyFile }],
] as const)
  test(`what was saved is loaded again, ${how}`, async () => {
    const { file, ...rest } = settings(more);
    await fc.assert(
      fc.asyncProperty(kept, async (resources: readonly Kept[]) => {
        const cache = new CacheFile({ file, ...rest }, node);
        await cache.save(resources);
        assert.deepEqual(await cache.load(), resources);
      }),
      { numRuns: 20 },
    );
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.ok(!readdirSync(dir).some((name) => name.endsWith(".new")));
  });

const secret: Kept = {
  kind: "secret",
  origin: "ads",
  name: "s",
  version: "1",
  bytes: Buffer.from("a very secret text"),
};

test("an encrypted file shows nothing, and opens with its own key only", async () => {
  const encrypted = settings({ secrets: "encrypt", keyFile });
  await new CacheFile(encrypted, node).save([secret]);
  assert.ok(!readFileSync(encrypted.file, "latin1").includes("secret"));
  const other = join(dir, "other-key");
  writeFileSync(other, randomBytes(32));
  await assert.rejects(
    new CacheFile({ ...encrypted, keyFile: other }, node).load(),
    /damaged, or was encrypted/,
  );
  await assert.rejects(new CacheFile({ ...encrypted, keyFile: undefined }, node).load(), /other settings/);
});

test("a file that is cut, changed, or of another node is refused; one that is missing is empty", async () => {
  for (const more of [{}, { secrets: "encrypt", keyFile }] as const) {
    const one = settings(more);
    assert.deepEqual(await new CacheFile(one, node).load(), []);
    await new CacheFile(one, node).save([secret]);
    const whole = readFileSync(one.file);
    await assert.rejects(
      new CacheFile(one, { id: "umay-2", cluster: "edge" }).load(),
      /of node umay-1 in edge/,
    );
    writeFileSync(one.file, whole.subarray(0, -1));
    await assert.rejects(new CacheFile(one, node).load(), /damaged/);
    const changed = Buffer.from(whole);
    changed[changed.length - 3]! ^= 1;
    writeFileSync(one.file, changed);
    await assert.rejects(new CacheFile(one, node).load(), /damaged/);
  }
});

test("a key is 32 bytes, as they are or in digits", async () => {
  const bytes = randomBytes(32);
  const file = join(dir, "forms");
  for (const text of [bytes, `${bytes.toString("hex")}\n`, bytes.toString("base64")]) {
    writeFileSync(file, text);
    assert.deepEqual(await readCacheKey(file), bytes);
  }
  writeFileSync(file, "short");
  await assert.rejects(readCacheKey(file), /has no key; expected 32 bytes/);
});
