import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { request, sslRequest } from "../../src/tls/postgres.ts";
import { startBackend } from "../support/backend.ts";
import { testCertificates } from "../support/certificates.ts";
import { connectPlain, poolToml } from "../support/client.ts";
import { postgresMissing, query, startPostgres } from "../support/postgres-server.ts";
import { becomes, sessionOf } from "../support/settled.ts";
import { startUmay } from "../support/umay.ts";

const { ca, ecdsa } = await testCertificates();

const toml = (backend: string, poolTls = "", health = ""): string => `
  admin = { bind = "127.0.0.1:0" }
  log = { level = "debug" }
  workers = 1
  [listeners.db]
  bind = "127.0.0.1:0"
  pool = "db"
  [listeners.db.tls]
  starttls = "postgres"
  certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }]
  ${poolToml("db", [backend], `${poolTls}\n${health}`)}`;

const passing = (text: string): string =>
  text.replace('starttls = "postgres"', 'starttls = "postgres"\n  starttls_plain = "pass"');

const toBackends = `tls = { ca = "${ca}", starttls = "postgres" }`;

describe("PostgreSQL", { skip: postgresMissing }, () => {
  for (const [what, poolTls] of [
    ["without TLS to backends, checked with a session", ""],
    ["with TLS to backends, checked over TLS too", toBackends],
  ] as const)
    test(`psql is served over TLS, and refused without it, ${what}`, async () => {
      await using server = await startPostgres();
      const type = poolTls === "" ? 'type = "postgres", user = "umay"' : 'type = "tls"';
      const health = `health = { ${type}, interval = "1s" }`;
      await using umay = await startUmay(toml(server.address, poolTls, health));
      const address = `127.0.0.1:${umay.port("db")}`;
      const sql = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
      for (const sslmode of ["require", "verify-full"] as const) {
        const { code, stdout, stderr } = await query(address, sql, sslmode);
        assert.equal(code, 0, stderr);
        // The server knows of the TLS to itself only.
        assert.equal(stdout.trim(), poolTls === "" ? "f" : "t");
      }
      const plain = await query(address, sql, "disable");
      assert.notEqual(plain.code, 0);
      assert.match(
        plain.stderr,
        /FATAL: {2}this server takes connections over TLS only; use sslmode=require/,
      );
      await using lenient = await startUmay(passing(toml(server.address, poolTls)));
      for (const sslmode of ["disable", "require"] as const) {
        const passed = await query(`127.0.0.1:${lenient.port("db")}`, sql, sslmode);
        assert.equal(passed.code, 0, passed.stderr);
      }
      const { pools } = await umay.status();
      assert.equal(pools["db"]!.backends[0]!.state, "up");
      assert.equal(pools["db"]!.backends[0]!.connect_failures_total, 0);
    });
});

/** Says this and reads what comes until the end. */
async function say(port: number, ...words: readonly Buffer[]): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk)).on("error", () => {});
  socket.write(Buffer.concat(words));
  await once(socket, "close");
  return Buffer.concat(chunks).toString("latin1");
}

test("what an attacker may have put behind a request for TLS is refused, and so is what is not PostgreSQL", async () => {
  await using backend = await startBackend({ onPeer: () => assert.fail("nobody is to come here") });
  await using umay = await startUmay(toml(backend.address));
  const port = umay.port("db");
  const cancel = Buffer.concat([Buffer.from([0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e]), Buffer.alloc(8)]);
  for (const [words, answer, detail] of [
    [[sslRequest, Buffer.from("x")], "", "bytes in the clear behind a request for encryption"],
    [[request(80_877_104), sslRequest], "", "bytes in the clear behind a request for encryption"],
    [[cancel], "", "a CancelRequest without TLS"],
    [[Buffer.from("GET / HTTP/1.1\r\n\r\n")], "", "neither TLS nor PostgreSQL"],
  ] as const) {
    assert.equal(await say(port, ...words), answer);
    await umay.session(({ tls_error: error }) => error === `not_tls: ${detail}`);
  }
});

test("a GSSENCRequest is answered with no and may be followed by TLS, asked for or direct", async () => {
  await using backend = await startBackend({ onPeer: ({ socket }) => void socket.pipe(socket) });
  await using umay = await startUmay(toml(backend.address));
  for (const asks of [true, false]) {
    const socket = connect(umay.port("db"), "127.0.0.1");
    socket.write(request(80_877_104));
    assert.equal(String((await once(socket, "data"))[0]), "N");
    if (asks) {
      socket.write(sslRequest);
      assert.equal(String((await once(socket, "data"))[0]), "S");
    }
    const tls = connectTls({ socket, rejectUnauthorized: false, ALPNProtocols: ["postgresql"] });
    await once(tls, "secureConnect");
    assert.equal(tls.alpnProtocol, "postgresql");
    tls.write("hello");
    assert.equal(String((await once(tls, "data"))[0]), "hello");
    tls.destroy();
  }
});

for (const [answer, code] of [
  ["N", "STARTTLS_REFUSED"],
  ["E\0\0\0\x05x", "STARTTLS_ERROR"],
  ["SSH-2.0", "STARTTLS_EXTRA"],
  ["220 hello", "STARTTLS_UNKNOWN"],
  ["", "STARTTLS_CLOSED"],
] as const)
  test(`a backend that answers ${JSON.stringify(answer)} when it is asked for TLS has failed, also for checks`, async () => {
    await using backend = await startBackend({ onPeer: ({ socket }) => void socket.end(answer) });
    const health = 'health = { type = "tls", interval = "100ms", fall = 1 }';
    const plain = toml(backend.address, toBackends, health).replace(
      /\[listeners.db.tls\][^[]*\[[^\n]*\n/,
      "",
    );
    await using umay = await startUmay(plain);
    await umay.logged(({ msg, cause }) => msg === "backend is down" && /SSLRequest/.test(String(cause)));
    const client = await connectPlain(umay.port("db"));
    const line = await sessionOf(umay, client);
    assert.equal((line["attempts"] as { error: string }[])[0]!.error, code);
    const labels = { pool: "db", backend: backend.address, reason: "starttls" };
    await becomes(
      () => umay.metric("umay_backend_connect_failures_total", labels),
      (count) => count > 0,
      "failures",
    );
  });
