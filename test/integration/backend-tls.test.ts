import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { TLSSocket } from "node:tls";
import { createCertificate } from "../../src/cli/create-certificate.ts";
import { pinOf } from "../../src/tls/peer-certificate.ts";
import { type Backend, type BackendOptions, startBackend } from "../support/backend.ts";
import { type CertificatePair, testCertificates } from "../support/certificates.ts";
import { connectPlain, poolToml, turnedAway } from "../support/client.ts";
import { startOpensslServer } from "../support/openssl-server.ts";
import { patient } from "../support/patience.ts";
import type { Peer } from "../support/peer.ts";
import { sessionOf, settled } from "../support/settled.ts";
import { echoed } from "../support/talk.ts";
import { type LogLine, type RunningUmay, startUmay } from "../support/umay.ts";

const connectMs = patient(400);

/** The faults of a backend: its pool, how the attempt is told in the log, and how it is counted. */
const failures = [
  ["another-ca", "UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "tls_untrusted"],
  ["expired", "CERT_HAS_EXPIRED", "tls_expired"],
  ["other-name", "ERR_TLS_CERT_ALTNAME_INVALID", "tls_name"],
  ["other-key", "ERR_TLS_CERT_PIN", "tls_pin"],
  ["plain-http", "ERR_SSL_WRONG_VERSION_NUMBER", "not_tls"],
  ["wants-certificate", "ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE", "tls_alert"],
  ["old-version", "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", "tls_alert"],
  ["closing", "ECONNRESET", "tls_closed"],
  ["resetting", "ECONNRESET", "tls_closed"],
  ["silent", "tls_timeout", "tls_timeout"],
] as const;

describe("TLS to backends", () => {
  const resources = new AsyncDisposableStack();
  let umay: RunningUmay;
  let good: Backend;
  let other: Backend;
  const backends: Backend[] = [];

  async function backend(options: BackendOptions): Promise<Backend> {
    const started = resources.use(await startBackend(options));
    backends.push(started);
    return started;
  }
  const files = ({ cert, key }: CertificatePair): { cert: Buffer; key: Buffer } => ({
    cert: readFileSync(cert),
    key: readFileSync(key),
  });
  const echo = ({ socket }: Peer): void => void socket.pipe(socket);

  before(async () => {
    const certificates = await testCertificates();
    const { ca, dir, ecdsa, expired, otherName } = certificates;
    const notAfter = new Date(Date.now() + 86_400_000);
    const stranger = { commonName: "stranger", names: ["127.0.0.1"], notAfter };
    const issuer = await createCertificate({ commonName: "another CA", notAfter });
    const untrusted = await createCertificate({ ...stranger, issuer });
    const client = { cert: join(dir, "client.pem"), key: join(dir, "client.key") };
    const made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=umay"];
    const out = ["-keyout", client.key, "-out", client.cert];
    execFileSync("openssl", ["req", "-x509", ...made, ...out], { stdio: "pipe" });

    good = await backend({ tls: { ...files(ecdsa), ALPNProtocols: ["h2"] }, onPeer: echo });
    other = await backend({ tls: files(otherName), onPeer: echo });
    const old = await backend({ tls: { ...files(expired) }, onPeer: echo });
    const strange = await backend({ tls: { cert: untrusted.cert, key: untrusted.key }, onPeer: echo });
    const closing = await backend({ onPeer: (peer) => peer.end() });
    const resetting = await backend({ onPeer: (peer) => void peer.socket.once("data", () => peer.reset()) });
    const silent = await backend({});
    const http = createServer();
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    resources.defer(() => void http.close());
    const server = ["-cert", ecdsa.cert, "-key", ecdsa.key];
    const mutual = [...server, "-CAfile", client.cert, "-Verify", "1", "-verify_return_error"];
    const mutual12 = resources.use(await startOpensslServer([...mutual, "-tls1_2"]));
    const mutual13 = resources.use(await startOpensslServer([...mutual, "-tls1_3"]));
    const tls11 = resources.use(
      await startOpensslServer([...server, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]),
    );
    const withClient = `cert = "${client.cert}", key = "${client.key}"`;

    const pool = (name: string, address: string, tls: string): string => `
      [listeners.${name}]
      bind = "127.0.0.1:0"
      pool = "${name}"
      ${poolToml(name, [address], `connect = { timeout = "${connectMs}ms" }\n tls = { ${tls} }`)}`;
    const failing = (name: string, address: string, tls = `ca = "${ca}"`): string =>
      pool(name, address, tls).replace(
        /backends = .*/,
        `backends = ["${address}", { address = "${good.address}", backup = true }]`,
      );
    const port = good.address.split(":")[1];
    umay = resources.use(
      await startUmay(`
        workers = 1
        log = { level = "debug" }
        admin.bind = "127.0.0.1:0"
        ${pool("by-address", good.address, `ca = "${ca}"`)}
        ${pool("by-host", `localhost:${port}`, `ca = "${ca}"`)}
        ${pool("by-rooted-host", `LocalHost.:${port}`, `ca = "${ca}"`)}
        ${pool("by-name", other.address, `ca = "${ca}", server_name = "a.other.test"`)}
        ${pool("alpn", good.address, `ca = "${ca}", alpn = ["mqtt", "h2"]`)}
        ${pool("unverified", old.address, "verify = false")}
        ${pool("mutual12", mutual12.address, `ca = "${ca}", ${withClient}`)}
        ${pool("mutual13", mutual13.address, `ca = "${ca}", ${withClient}`)}
        ${pool("late-alert", mutual13.address, `ca = "${ca}"`)}
        ${pool("wrong-name", good.address, `ca = "${ca}", server_name = "other.test"`)}
        ${pool("by-key", strange.address, `verify = false, pins = ["${pinOf(new X509Certificate(untrusted.cert))}"]`)}
        ${pool("by-names", other.address, `ca = "${ca}", verify_names = ["x.test", "a.other.test"], server_name = "sent.test"`)}
        ${failing("other-key", strange.address, `verify = false, pins = ["${pinOf(new X509Certificate(files(ecdsa).cert))}"]`)}
        ${failing("another-ca", strange.address)}
        ${failing("expired", old.address)}
        ${failing("other-name", other.address)}
        ${failing("plain-http", `127.0.0.1:${(http.address() as AddressInfo).port}`)}
        ${failing("wants-certificate", mutual12.address)}
        ${failing("old-version", tls11.address)}
        ${failing("closing", closing.address)}
        ${failing("resetting", resetting.address)}
        ${failing("silent", silent.address)}`),
    );
  });
  afterEach(async () => {
    for (const each of backends) each.drop();
    await settled(umay);
  });
  after(() => resources.disposeAsync());

  async function served(listener: string, echoes = "hello"): Promise<{ line: LogLine; server: TLSSocket }> {
    const before = backends.map(({ peers }) => peers.length);
    using client = await connectPlain(umay.port(listener));
    await client.write("hello\n");
    assert.equal(String(await client.read(echoes.length)), echoes);
    const server = backends.flatMap(({ peers }, index) => peers.slice(before[index]))[0];
    client.end();
    return { line: await sessionOf(umay, client), server: server?.socket as TLSSocket };
  }

  test("a backend without a name is verified by its address, and no name is sent", async () => {
    const { line, server } = await served("by-address");
    assert.equal(line["reason"], "client_closed");
    assert.equal(server.servername, false);
    assert.equal(server.alpnProtocol, false);
  });

  test("a backend's own host name is sent and verified", async () => {
    assert.equal((await served("by-host")).server.servername, "localhost");
  });

  test("a key alone is enough where it is pinned, and another name than the one that is sent may be verified", async () => {
    assert.equal((await served("by-key")).line["reason"], "client_closed");
    assert.equal((await served("by-names")).server.servername, "sent.test");
  });

  test("a dot at the end of a backend's host name is not sent, nor looked for in its certificate", async () => {
    assert.equal((await served("by-rooted-host")).server.servername, "localhost");
  });

  test("the configured name is sent and verified", async () => {
    assert.equal((await served("by-name")).server.servername, "a.other.test");
  });

  test("application protocols are offered, and the backend chooses", async () => {
    assert.equal((await served("alpn")).server.alpnProtocol, "h2");
  });

  test("an expired certificate is good enough where nothing is verified", async () => {
    assert.equal((await served("unverified")).line["reason"], "client_closed");
  });

  for (const listener of ["mutual12", "mutual13"])
    test(`a backend that asks for a client certificate gets it (${listener})`, async () => {
      await served(listener, "olleh");
    });

  test("a certificate that does not cover the configured name is refused, and so is the client", async () => {
    assert.equal(await turnedAway(connectPlain(umay.port("wrong-name"))), "ECONNRESET");
    const line = await umay.session(({ listener }) => listener === "wrong-name");
    assert.equal(line["reason"], "connect_failed");
    assert.deepEqual(errors(line), [[good.address, "ERR_TLS_CERT_ALTNAME_INVALID"]]);
  });

  test("in TLS 1.3 a backend that misses a client certificate says so after the handshake; the log line tells", async () => {
    assert.equal(await turnedAway(connectPlain(umay.port("late-alert"))), "ECONNRESET");
    const line = await umay.session(({ listener }) => listener === "late-alert");
    assert.equal(line["reason"], "backend_tls_error");
    assert.match(String(line["tls_error"]), /^backend: .*certificate required/);
  });

  for (const [name, code, reason] of failures)
    test(`the next backend is tried after one that is no good (${name}), which is logged and counted`, async () => {
      const { line } = await served(name);
      assert.equal(line["reason"], "client_closed");
      assert.equal(line["backend"], good.address);
      assert.deepEqual(
        errors(line).map(([, error]) => error),
        [code, undefined],
      );
      const counted = { pool: name, reason };
      assert.equal(await umay.metric("umay_backend_connect_failures_total", counted), 1);
      const attempts = line["attempts"] as { ms: number }[];
      if (name === "silent") assert.ok(attempts[0]!.ms >= connectMs);
    });

  test("the PROXY header goes before TLS, in the clear", async () => {
    const { ca, ecdsa } = await testCertificates();
    const header = Promise.withResolvers<string>();
    const server = createTcpServer((raw) => {
      raw.on("error", () => {});
      raw.once("readable", () => {
        const bytes = raw.read() as Buffer;
        const end = bytes.indexOf("\r\n") + 2;
        header.resolve(String(bytes.subarray(0, end)));
        raw.unshift(bytes.subarray(end));
        const secure = new TLSSocket(raw, { isServer: true, ...files(ecdsa) });
        secure.on("error", () => {});
        secure.pipe(secure);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const port = (server.address() as AddressInfo).port;
    const pool = poolToml("told", [`127.0.0.1:${port}`], `proxy_protocol = "v1"\ntls = { ca = "${ca}" }`);
    const listener = '[listeners.told]\nbind = "127.0.0.1:0"\npool = "told"\n';
    await using telling = await startUmay(`workers = 1\n${listener}${pool}`);
    {
      using client = await connectPlain(telling.port("told"));
      await echoed(client);
      const expected = `PROXY TCP4 127.0.0.1 127.0.0.1 ${client.port} ${telling.port("told")}\r\n`;
      assert.equal(await header.promise, expected);
    }
    server.close();
  });

  test("without a CA of its own, a pool trusts the system's", async () => {
    const { ca } = await testCertificates();
    const pool = poolToml("system", [good.address], "tls = {}");
    const env = { SSL_CERT_FILE: ca, SSL_CERT_DIR: "/nowhere" };
    const listener = '[listeners.system]\nbind = "127.0.0.1:0"\npool = "system"\n';
    await using trusting = await startUmay(`workers = 1\n${listener}${pool}`, { env });
    using client = await connectPlain(trusting.port("system"));
    await echoed(client);
  });
});

function errors(line: LogLine): (readonly [backend: string, error: string | undefined])[] {
  const attempts = line["attempts"] as { backend: string; error?: string }[];
  return attempts.map(({ backend, error }) => [backend, error]);
}
