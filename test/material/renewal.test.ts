import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type CreatedCertificate, createCertificate } from "../../src/cli/create-certificate.ts";
import { type MaterialOfAll, Renewal } from "../../src/material/renewal.ts";
import { withMaterial } from "../../src/material/with-material.ts";
import type { Model } from "../../src/model/model.ts";
import { createLogger } from "../../src/observe/logger.ts";
import { loadModel } from "../providers/toml/loading.ts";
import { becomes } from "../support/settled.ts";

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

function follow({ listeners, pools, routeTables }: Model): Followed {
  const lines: string[] = [];
  let renewed = Promise.withResolvers<MaterialOfAll>();
  const logger = createLogger({ level: "info" }, { write: (line) => lines.push(JSON.parse(line).msg) });
  const none = { listeners: new Map(), pools: new Map(), guards: new Map(), pages: new Map() };
  const renewal = new Renewal(
    { listeners, pools, routeTables },
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
  const [one] = structuredClone(model.pools);
  const { tls: settings, health } = structuredClone(one!);
  // The same settings count for some of its backends only, too.
  const transports = [
    { labels: {}, tls: settings, proxyProtocol: undefined },
    { labels: {}, tls: undefined, proxyProtocol: undefined },
  ];
  const pool = { ...one!, transports, health: { ...one!.health, checks: [health.check, undefined] } };
  const { lines, renewal, next } = follow({ ...model, pools: [pool] });
  try {
    replace("ca.pem", second.cert);
    const { pools, listeners } = await next();
    const { tls, health, transports: renewed } = pools.get("one")!;
    assert.equal(tls?.ca?.pem, second.cert);
    assert.ok(health.check?.type === "tls");
    assert.deepEqual(health.check.tls.ca, tls.ca);
    assert.deepEqual(renewed, [{ ...transports[0]!, tls }, transports[1]]);
    assert.deepEqual(health.checks, [health.check, undefined]);
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

test("pages are renewed where they are answered with, and one that can't be read is served as it was", async () => {
  replace("404.html", "first");
  replace("robots.txt", "first");
  const model = await loadModel(`
  [listeners.web]
  bind = "127.0.0.1:1"
  mode = "http"
  errors = { 404 = { file = "${at("404.html")}" }, 410 = { file = "${at("404.html")}" } }
  [routes.robots]
  path = "/robots.txt"
  hosts = ["a.test", "b.test"]
  respond.file = "${at("robots.txt")}"
  [routes.text]
  respond.body = "text"`);
  const { lines, renewal, next } = follow(model);
  const served = (renewed: MaterialOfAll): readonly string[] => {
    const { listeners, routeTables } = withMaterial(model, renewed);
    const { serve } = listeners[0]!.chains[0]!;
    const errors = serve.kind === "http" ? serve.front.errors : [];
    const routes = new Set(routeTables[0]!.hosts.flatMap(({ rules }) => rules.map(({ route }) => route)));
    const bodies = [...routes].map(({ action }) => (action.kind === "respond" ? action.content : undefined));
    return [...errors.map(({ content }) => content), ...bodies].map((content) =>
      Buffer.from(content!.bytes).toString(),
    );
  };
  try {
    replace("404.html", "second");
    assert.deepEqual(served(await next()), ["second", "second", "first", "text"]);
    rmSync(at("404.html"));
    replace("robots.txt", "second");
    assert.deepEqual(served(await next()), ["first", "first", "second", "text"], "only what has changed");
    await becomes(
      () => lines.length,
      (count) => count === 3,
      "lines",
    );
    assert.match(lines.at(-1)!, /404\.html does not exist/);
    assert.deepEqual(renewal.counts.pages.get(at("404.html")), { applied: 1, failed: 1 });
    replace("404.html", "third");
    assert.deepEqual((await next()).pages, new Map([[at("404.html"), new Uint8Array(Buffer.from("third"))]]));
  } finally {
    renewal.stop();
  }
});
