import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempDisposableSync, readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { startEchoBackend } from "../support/backend.ts";
import { testCertificates } from "../support/certificates.ts";
import { connectPlain, poolToml } from "../support/client.ts";
import { clientHello, withExtension, withExtensionTwice } from "../support/client-hello.ts";
import { sendBeforeReading } from "../support/held-client.ts";
import { issue, ofCa } from "../support/issue.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

const resources = new AsyncDisposableStack();
let umay: RunningUmay;
const onP521 = { cert: "", key: "" };
const stranger = { cert: "", key: "" };

before(async () => {
  const folder = mkdtempDisposableSync(join(tmpdir(), "umay-alerts-"));
  resources.defer(() => folder.remove());
  const backend = resources.use(await startEchoBackend());
  const { ecdsa } = await testCertificates();
  const { cert, key } = issue(folder.path, "client", { curve: "P-521", extensions: ofCa });
  Object.assign(onP521, { cert: readFileSync(cert), key: readFileSync(key) });
  const other = issue(folder.path, "stranger", { extensions: ["extendedKeyUsage=clientAuth"] });
  Object.assign(stranger, { cert: readFileSync(other.cert), key: readFileSync(other.key) });
  const tls = {
    openssl: "",
    tls12: 'max_version = "TLSv1.2"\nciphers = "ECDHE-ECDSA-AES256-GCM-SHA384"',
    tls13: 'min_version = "TLSv1.3"',
    alpn: 'alpn = ["mqtt"]',
    auth: `client_auth = { ca = "${cert}" }\ngroups = ["X25519"]`,
    known: `client_auth = { ca = "${cert}" }`,
  };
  const listeners = Object.entries(tls).map(
    ([name, settings]) => `
      [listeners.${name}]
      bind = "127.0.0.1:0"
      pool = "app"
      [listeners.${name}.tls]
      certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }]
      ${settings}`,
  );
  umay = resources.use(
    await startUmay(`
      workers = 1
      log = { level = "debug" }
      listeners.through = { bind = "127.0.0.1:0", mode = "passthrough", pool = "app" }
      ${listeners.join("\n")}
      ${poolToml("app", [backend.address])}`),
  );
});
after(() => resources.disposeAsync());

/** The certificate that a client shows, if any. */
interface Asks {
  readonly p521?: boolean;
  readonly stranger?: boolean;
}

/** A hello that OpenSSL refuses as well; it has read it where the listener terminates TLS and reads no hello itself. */
describe("a hello that breaks the rules", () => {
  for (const [what, broken] of Object.entries({
    "an extension twice": withExtensionTwice,
    "an extension that is longer than the hello": (hello: Buffer) =>
      withExtension(hello, Buffer.from([0xfe, 0xfe, 0, 9, 1])),
    "no hello at first": (hello: Buffer) =>
      Buffer.concat([hello.subarray(0, 5), Buffer.of(2), hello.subarray(6)]),
  }))
    test(`${what}: gets the alert that OpenSSL sends`, async () => {
      const bytes = broken(await clientHello({ servername: "a.test" }));
      const alerts: Buffer[] = [];
      for (const listener of ["through", "openssl"]) {
        using client = await connectPlain(umay.port(listener));
        await client.write(bytes);
        alerts.push(await client.read(7));
      }
      assert.deepEqual(alerts[0], alerts[1]);
    });

  test("can be told so while the client still writes", async () => {
    const bytes = withExtensionTwice(await clientHello({ servername: "a.test" }));
    for (let round = 0; round < 20; round++) {
      using client = await connectPlain(umay.port("through"));
      client.raw.pause();
      await client.write(bytes);
      for (let piece = 0; piece < 20; piece++) await client.write(Buffer.alloc(1_000));
      client.raw.resume();
      assert.deepEqual(await client.read(7), Buffer.from([21, 3, 3, 0, 2, 2, 47]));
    }
    const line = await umay.session((one) => one["listener"] === "through" && one["tls_error"] !== undefined);
    assert.match(String(line["tls_error"]), /^failed: /);
  });
});

describe("the alert of a handshake that is refused is read by a client that is still sending", () => {
  for (const [what, listener, flights, options, alert] of [
    ["no common version", "tls13", 1, { maxVersion: "TLSv1.2" }, /ALERT_PROTOCOL_VERSION$/],
    ["no common cipher", "tls12", 1, { ciphers: "ECDHE-RSA-AES128-GCM-SHA256" }, /ALERT_HANDSHAKE_FAILURE$/],
    ["no common protocol", "alpn", 1, { ALPNProtocols: ["h2"] }, /NO_APPLICATION_PROTOCOL$/],
    ["no client certificate, TLS 1.3", "auth", 2, {}, /ALERT_CERTIFICATE_REQUIRED$/],
    ["no client certificate, TLS 1.2", "auth", 2, { maxVersion: "TLSv1.2" }, /ALERT_HANDSHAKE_FAILURE$/],
    [
      "a client certificate on a curve that is refused",
      "auth",
      2,
      { maxVersion: "TLSv1.2", p521: true },
      /ALERT_ILLEGAL_PARAMETER$/,
    ],
    ["a certificate of an unknown CA, TLS 1.3", "known", 2, { stranger: true }, /ALERT_UNKNOWN_CA$/],
    [
      "a certificate of an unknown CA, TLS 1.2",
      "known",
      2,
      { maxVersion: "TLSv1.2", stranger: true },
      /ALERT_UNKNOWN_CA$/,
    ],
  ] as const)
    test(what, async () => {
      const { p521, stranger: other, ...rest } = options as ConnectionOptions & Asks;
      const shown = { ...(p521 && onP521), ...(other && stranger) };
      for (let round = 0; round < 10; round++) {
        const code = await sendBeforeReading(umay.port(listener), flights, { ...rest, ...shown });
        assert.match(code, alert);
      }
    });
});

test("behind umay's alert no other record has the number of its nonce", async () => {
  await using resources = new AsyncDisposableStack();
  const bytes: Buffer[] = [];
  const server = createServer((client) => {
    const upstream = connect(umay.port("known"), "127.0.0.1");
    upstream.on("data", (chunk) => bytes.push(chunk));
    for (const socket of [client, upstream]) socket.on("error", () => {});
    client.pipe(upstream).pipe(client);
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
  }).listen(0, "127.0.0.1");
  resources.defer(() => void server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const client = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false, ...stranger });
  resources.defer(() => void client.destroy());
  client.on("error", () => {});
  await new Promise((resolve) => client.resume().once("close", resolve));
  // Finished comes before it, with other keys.
  const lengths = recordsIn(Buffer.concat(bytes)).map((record) => record.length);
  assert.equal(lengths.lastIndexOf(alertLength), lengths.length - 1, lengths.join());
});

/** Head, level and description, type, tag (RFC 8446 section 5.2). */
const alertLength = 5 + 2 + 1 + 16;

function recordsIn(bytes: Buffer): Buffer[] {
  const records: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += records.at(-1)!.length)
    records.push(bytes.subarray(at, at + 5 + bytes.readUInt16BE(at + 3)));
  return records;
}
