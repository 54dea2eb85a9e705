import assert from "node:assert/strict";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createCertificate } from "../../src/cli/create-certificate.ts";
import type { SharedLimit, SharedStore } from "../../src/model/http/guard.ts";
import { createLogger } from "../../src/observe/logger.ts";
import type { HeardKey } from "../../src/sharing/counts.ts";
import { SharedStores } from "../../src/sharing/stores.ts";
import { patient } from "../support/patience.ts";
import { RedisServer, redisMissing } from "../support/redis.ts";
import { becomes } from "../support/settled.ts";

const skip = redisMissing;

const limitOf = (port: number, store: Partial<SharedStore> = {}): SharedLimit => ({
  kind: "rate-limit",
  name: "rate_limits.x",
  key: [],
  rate: { requests: 10, period: 1_000 },
  burst: 5,
  concurrent: undefined,
  keys: 1,
  fields: "refused",
  store: {
    host: "127.0.0.1",
    port,
    username: undefined,
    password: undefined,
    database: 0,
    tls: undefined,
    prefix: "test:",
    timeout: patient(1_000),
    ...store,
  },
});

/** The stores that one machine has. */
class Machine implements Disposable {
  readonly stores: SharedStores;
  readonly lines: { readonly msg: string; readonly cause?: string }[] = [];
  #heard = Promise.withResolvers<readonly HeardKey[]>();

  constructor(limit: SharedLimit) {
    const logger = createLogger({ level: "info" }, { write: (line) => this.lines.push(JSON.parse(line)) });
    this.stores = new SharedStores(logger, (_, keys) => this.#heard.resolve(keys));
    this.stores.follow([limit]);
  }

  get isUp(): boolean {
    return [...this.stores.states.values()].every(Boolean);
  }

  get unshared(): number {
    return this.stores.unshared.get("rate_limits.x")!;
  }

  async connected(): Promise<this> {
    await becomes(
      () => this.isUp,
      (isUp) => isUp,
      "the store",
    );
    return this;
  }

  pass(keys: Readonly<Record<string, number>>): void {
    const cells = Int32Array.from(Object.values(keys).flatMap((count) => [1, 2, count]));
    this.stores.passed({ limit: "rate_limits.x", keys: Object.keys(keys), cells, untold: 0 });
  }

  /** The store's answer to this and to all before, in milliseconds. */
  async ahead(keys: Readonly<Record<string, number>>): Promise<number[]> {
    this.#heard = Promise.withResolvers();
    this.pass(keys);
    return (await this.#heard.promise).map(({ ahead }) => ahead);
  }

  [Symbol.dispose](): void {
    this.stores.follow([]);
  }
}

const isAbout = (value: number, expected: number): boolean =>
  value <= expected && value > expected - patient(1_500);

test("machines hear what passed on the others; a debt has its bound, and a key that is due is forgotten", {
  skip,
}, async () => {
  await using redis = await RedisServer.start();
  const limit = { ...limitOf(redis.port), rate: { requests: 1, period: 10_000 } };
  using one = await new Machine(limit).connected();
  using other = await new Machine(limit).connected();
  const [a, b] = (await one.ahead({ a: 2, b: 1 })) as [number, number];
  assert.ok(isAbout(a, 20_000) && isAbout(b, 10_000), `${a} ${b}`);
  const [both] = (await other.ahead({ a: 3 })) as [number];
  assert.ok(isAbout(both, 50_000), String(both));
  const [most] = (await other.ahead({ a: 10_000 })) as [number];
  assert.ok(isAbout(most, 16 * 5 * 10_000 + 10_000), String(most));
  using elsewhere = await new Machine({ ...limit, store: { ...limit.store, prefix: "else:" } }).connected();
  assert.ok(isAbout((await elsewhere.ahead({ a: 1 }))[0]!, 10_000));
  const fast = { ...limit, name: "rate_limits.x", rate: { requests: 1_000, period: 1_000 } };
  one.stores.follow([fast]);
  assert.ok((await one.ahead({ c: 1 }))[0]! <= 1);
  await becomes(
    async () => (await one.ahead({ d: 1 }))[0]!,
    (ahead) => ahead <= 1,
    "a bucket that has time to fill",
  );
});

test("a store that dies costs a warning and counts; when it is back, it counts again", { skip }, async () => {
  await using redis = await RedisServer.start();
  using machine = await new Machine(limitOf(redis.port)).connected();
  assert.equal((await machine.ahead({ a: 1 })).length, 1);
  await redis.kill();
  await becomes(
    () => machine.isUp,
    (isUp) => !isUp,
    "the store",
  );
  machine.pass({ a: 3 });
  await becomes(
    () => machine.unshared,
    (count) => count === 3,
    "lost counts",
  );
  await redis.begin();
  await machine.connected();
  assert.ok((await machine.ahead({ a: 1 }))[0]! <= 100, "it begins with nothing");
  assert.deepEqual(
    machine.lines.map(({ msg }) => msg),
    [
      "the store of rate limits takes no counts; each machine counts for itself",
      "the store of rate limits takes counts again",
    ],
  );
});

test("a store that hangs is given up in time, and asked anew over another connection", { skip }, async () => {
  await using redis = await RedisServer.start();
  using machine = await new Machine(limitOf(redis.port, { timeout: 50 })).connected();
  redis.signal("SIGSTOP");
  machine.pass({ a: 1 });
  await becomes(
    () => machine.unshared,
    (count) => count === 1,
    "lost counts",
  );
  assert.equal(machine.lines[0]?.cause, "Command timed out");
  redis.signal("SIGCONT");
  await machine.connected();
});

test("TLS and a password are spoken; without them it is told, and nothing else happens", {
  skip,
}, async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-redis-tls-"));
  const notAfter = new Date(Date.now() + 86_400_000);
  const issuer = await createCertificate({ commonName: "CA", notAfter });
  const leaf = await createCertificate({ commonName: "redis", names: ["127.0.0.1"], notAfter, issuer });
  const fileOf = (name: string, text: string): string => {
    const file = join(dir.path, name);
    writeFileSync(file, text);
    return file;
  };
  await using redis = await RedisServer.start([
    ...["--port", "0", "--tls-port", "{port}", "--tls-auth-clients", "no", "--requirepass", "secret word"],
    ...["--tls-cert-file", fileOf("leaf.pem", leaf.cert), "--tls-key-file", fileOf("leaf.key", leaf.key)],
    ...["--tls-ca-cert-file", fileOf("ca.pem", issuer.cert)],
  ]);
  using good = await new Machine(
    limitOf(redis.port, { tls: { ca: issuer.cert }, password: "secret word", database: 3 }),
  ).connected();
  assert.equal((await good.ahead({ a: 1 })).length, 1);
  for (const [store, cause] of [
    [{ tls: { ca: issuer.cert }, password: "wrong" }, /WRONGPASS|NOAUTH/],
    [{ tls: { ca: undefined }, password: "secret word" }, /certificate/],
    [{ password: "secret word" }, /ended|ECONNRESET|closed/],
  ] as const) {
    using bad = new Machine(limitOf(redis.port, store));
    const line = await becomes(
      () => {
        bad.pass({ a: 1 });
        return bad.lines[0];
      },
      (first) => first !== undefined,
      "a warning",
    );
    assert.match(line!.cause!, cause);
    assert.doesNotMatch(JSON.stringify(bad.lines), /secret word|wrong/);
  }
});
