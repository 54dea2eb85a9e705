import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { after, afterEach, before, describe, test } from "node:test";
import { type Backend, startBackend } from "../support/backend.ts";
import { testCertificates } from "../support/certificates.ts";
import { connectPlain, connectSecure, poolToml, turnedAway } from "../support/client.ts";
import { type DnsServer, startDnsServer } from "../support/dns-server.ts";
import { startFullBackend } from "../support/full-backend.ts";
import { patient } from "../support/patience.ts";
import { sessionOf, settled } from "../support/settled.ts";
import { type LogLine, type RunningUmay, startUmay } from "../support/umay.ts";

/** Nothing listens on the lowest ports. */
const dead = ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"] as const;
const connectMs = patient(300);

interface Attempt {
  readonly backend: string;
  readonly ms: number;
  readonly error?: string;
}
const attemptsOf = (line: LogLine): Attempt[] => line["attempts"] as Attempt[];

describe("connecting a backend", () => {
  const resources = new AsyncDisposableStack();
  let umay: RunningUmay;
  let backend: Backend;
  let dns: DnsServer;
  let full: string;

  before(async () => {
    backend = resources.use(await startBackend());
    dns = resources.use(await startDnsServer());
    full = resources.use(await startFullBackend()).address;
    const { ecdsa } = await testCertificates();
    const connect = (attempts: number): string => `picker = "round-robin"
      outlier = { enabled = false }
      connect = { timeout = "${connectMs}ms", attempts = ${attempts} }`;
    const listener = (name: string): string => `
      [listeners.${name}]
      bind = "127.0.0.1:0"
      pool = "${name}"
      [listeners.${name}-tls]
      bind = "127.0.0.1:0"
      pool = "${name}"
      [listeners.${name}-tls.tls]
      certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }]
      `;
    umay = resources.use(
      await startUmay(`
        workers = 1
        log = { level = "debug" }
        [admin]
        bind = "127.0.0.1:0"
        ${["some-dead", "all-dead", "some-full", "full", "nobody"].map(listener).join("")}
        ${poolToml("some-dead", [...dead, backend.address], connect(4))}
        ${poolToml("all-dead", dead, connect(2))}
        ${poolToml("some-full", [full, backend.address], connect(2))}
        ${poolToml("full", [full], connect(1))}
        [pools.nobody.discovery]
        type = "dns"
        name = "nobody.test"
        port = 80
        nameservers = ["${dns.address}"]`),
    );
  });

  afterEach(async () => {
    backend.drop();
    await settled(umay);
  });
  after(() => resources.disposeAsync());

  const kinds = [
    ["plain TCP", "", connectPlain],
    ["TLS", "-tls", connectSecure],
  ] as const;

  for (const [kind, suffix, connect] of kinds) {
    test(`a backend that refuses is passed over, and the client does not notice, over ${kind}`, async () => {
      const passedOver = new Set<string>();
      for (let session = 0; session < 3; session++) {
        using client = await connect(umay.port(`some-dead${suffix}`));
        const server = await backend.next();
        await server.write("welcome");
        assert.equal(String(await client.read(7)), "welcome");
        client.end();
        await server.ending();
        server.end();
        const line = await sessionOf(umay, client);
        assert.equal(line["reason"], "client_closed");
        assert.equal(line["backend"], backend.address);
        const attempts = attemptsOf(line);
        const last = attempts.pop()!;
        assert.deepEqual([last.backend, last.error], [backend.address, undefined]);
        assert.equal(new Set(attempts.map((attempt) => attempt.backend)).size, attempts.length);
        for (const attempt of attempts) {
          assert.equal(attempt.error, "ECONNREFUSED");
          passedOver.add(attempt.backend);
        }
      }
      assert.deepEqual([...passedOver].sort(), [...dead]);
    });

    test(`a client that no backend can be connected for is reset, over ${kind}`, async () => {
      const failures = (): Promise<number> =>
        umay.metric("umay_backend_connect_failures_total", { pool: "all-dead", reason: "refused" });
      const before = await failures();
      const listener = `all-dead${suffix}`;
      assert.equal(await turnedAway(connect(umay.port(listener))), "ECONNRESET");
      const line = await umay.session((one) => one["listener"] === listener);
      assert.equal(line["reason"], "connect_failed");
      assert.equal(line["origin"], "backend");
      assert.equal(line["backend"], undefined);
      assert.equal(attemptsOf(line).length, 2, "as many as connect.attempts");
      assert.equal(await failures(), before + 2);
    });

    test(`a backend that does not answer is passed over after connect.timeout, over ${kind}`, async () => {
      const upload = randomBytes(1_000_000);
      const lines: LogLine[] = [];
      for (let session = 0; session < 2; session++) {
        using client = await connect(umay.port(`some-full${suffix}`));
        // Bytes that the client sends meanwhile wait for the backend that does answer.
        client.end(upload);
        const server = await backend.next();
        assert.ok((await server.readToEnd()).equals(upload));
        server.end("welcome");
        assert.equal(String(await client.readToEnd()), "welcome");
        lines.push(await sessionOf(umay, client));
      }
      const [slow] = lines.filter((line) => attemptsOf(line).length === 2);
      const [first] = attemptsOf(slow!);
      assert.deepEqual([first!.backend, first!.error], [full, "timeout"]);
      assert.ok(first!.ms >= connectMs && first!.ms < connectMs + patient(1500), `${first!.ms} ms`);
    });

    test(`a client is reset when the only backend does not answer, over ${kind}`, async () => {
      const failures = (): Promise<number> =>
        umay.metric("umay_backend_connect_failures_total", {
          pool: "full",
          backend: full,
          reason: "timeout",
        });
      const before = await failures();
      using client = await connect(umay.port(`full${suffix}`));
      client.end("hello");
      assert.equal(await client.ending(), "ECONNRESET");
      assert.equal((await sessionOf(umay, client))["reason"], "connect_failed");
      assert.equal(await failures(), before + 1);
    });

    test(`a client that vanishes while its backend is being connected ends the attempt, over ${kind}`, async () => {
      const listener = `full${suffix}`;
      using client = await connect(umay.port(listener));
      // A reset that meets the tickets on their way is lost in Node, which takes it for an end.
      if (suffix !== "") await once(client.socket, "session");
      client.reset();
      const line = await umay.session(
        (one) => one["listener"] === listener && one["reason"] === "client_gone",
      );
      assert.equal(line.level, "debug");
      assert.deepEqual(
        attemptsOf(line).map(({ backend: address, error }) => [address, error]),
        [[full, "abandoned"]],
      );
      assert.ok((line["duration_ms"] as number) < connectMs, `${line["duration_ms"]} ms`);
    });

    test(`a client is reset at once when its pool has no backend, over ${kind}`, async () => {
      const listener = `nobody${suffix}`;
      assert.equal(await turnedAway(connect(umay.port(listener))), "ECONNRESET");
      const line = await umay.session((one) => one["listener"] === listener);
      assert.equal(line["reason"], "no_backend");
      assert.equal(line["pool"], "nobody");
      assert.equal(line["attempts"], undefined);
    });
  }

  test("a backend that comes back is used again", async () => {
    const [, port] = backend.address.split(":");
    await backend[Symbol.asyncDispose]();
    assert.equal(await turnedAway(connectPlain(umay.port("some-dead"))), "ECONNRESET");
    const again = resources.use(await startBackend({ port: Number(port) }));
    using client = await connectPlain(umay.port("some-dead"));
    (await again.next()).end("back");
    client.end();
    assert.equal(String(await client.readToEnd()), "back");
  });
});
