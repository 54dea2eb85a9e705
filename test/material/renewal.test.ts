import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type CreatedCertificate, createCertificate } from "../../src/cli/create-certificate.ts";
import { type MaterialOfAll, Renewal } from "../../src/material/renewal.ts";
import type { Model } from "../../src/model/model.ts";
import { createLogger } from "../../src/observe/logger.ts";
import { loadModel } from "../providers/toml/loading.ts";

const dir = mkdtempSync(join(tmpdir(), "umay-renewal-"));
after(() => rmSync(dir, { recursive: true, force: true }));
const at = (name: string): string => join(dir, name);

const issue = (commonName: string): Promise<CreatedCertificate> =>
  createCertificate({ commonName, notAfter: new Date(Date.now() + 90 * 86_400_000) });

function replace(name: string, text: string): void {
  writeFileSync(at("new"), text);
  renameSync(at("new"), at(name));
}

interface Followed {
  readonly lines: string[];
  readonly renewal: Renewal;
  readonly next: () => Promise<MaterialOfAll>;
}

function follow({ listeners, pools }: Model): Followed {
  const lines: string[] = [];
  let renewed = Promise.withResolvers<MaterialOfAll>();
  const logger = createLogger({ level: "info" }, { write: (line) => lines.push(JSON.parse(line).msg) });
  const none = { listeners: new Map(), pools: new Map(), guards: new Map() };
  const renewal = new Renewal(
    { listeners, pools, routeTables: [] },
    (material) => renewed.resolve(material),
    logger,
    none,
  );
  const next = async (): Promise<MaterialOfAll> => {
    const material = await renewed.promise;
    renewed = Promise.withResolvers();
    return material;
  };
  return { lines, renewal, next };
}

test("a pool and its checks that name the same CA by different objects are renewed together, and told of once", async () => {
  const [first, second] = [await issue("first"), await issue("second")];
  replace("ca.pem", first.cert);
  const model = await loadModel(`
  listeners.a = { bind = "127.0.0.1:1", pool = "one" }
  [pools.one]
  discovery = { type = "static", backends = ["127.0.0.1:2"] }
  tls.ca = "${at("ca.pem")}"
  health = { type = "tls" }`);
  // As a decoder of another format would make it.
  const { lines, renewal, next } = follow({ ...model, pools: structuredClone(model.pools) });
  try {
    replace("ca.pem", second.cert);
    const { pools, listeners } = await next();
    const { tls, health } = pools.get("one")!;
    assert.equal(tls?.ca?.pem, second.cert);
    assert.ok(health.check?.type === "tls");
    assert.deepEqual(health.check.tls.ca, tls.ca);
    assert.equal(listeners.size, 0);
    assert.deepEqual(lines, ["CAs of backends were renewed"]);
    assert.deepEqual(renewal.counts.pools.get("one"), { applied: 1, failed: 0 });
  } finally {
    renewal.stop();
  }
});

test("a file that two certificates of a listener share is renewed in both", async () => {
  const [first, second] = [await issue("first"), await issue("second")];
  replace("both.pem", first.cert + first.key);
  const pair = `{ cert = "${at("both.pem")}", key = "${at("both.pem")}" }`;
  const model = await loadModel(`
  listeners.a = { bind = "127.0.0.1:1", pool = "one", tls.certificates = [${pair}, ${pair}] }
  pools.one.discovery = { type = "static", backends = ["127.0.0.1:2"] }`);
  const { lines, renewal, next } = follow(model);
  try {
    replace("both.pem", second.cert + second.key);
    const { certificates } = (await next()).listeners.get("a")![0]!;
    assert.deepEqual(
      certificates.map(({ subject }) => subject),
      ["CN=second", "CN=second"],
    );
    assert.deepEqual(lines, ["a certificate was renewed"]);
  } finally {
    renewal.stop();
  }
});
