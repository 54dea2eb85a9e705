import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, afterEach, before, describe, test } from "node:test";
import type { ConnectionOptions } from "node:tls";
import { startEchoBackend } from "../support/backend.ts";
import { type TestCertificates, testCertificates } from "../support/certificates.ts";
import { connectPlain, connectSecure, listenersToml, poolToml, turnedAway } from "../support/client.ts";
import { clientHello } from "../support/client-hello.ts";
import { sClient } from "../support/openssl.ts";
import { becomes, openFiles, settled } from "../support/settled.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

/** Listeners of this file: one for each version, and one for both, with ALPN. */
type Listener = "tls12" | "tls13" | "both";

interface Noise {
  readonly what: string;
  readonly listener: Listener;
  readonly result: string;
  /** The words of the log where it tells of the first such client. */
  readonly told?: RegExp;
  readonly make: (port: number) => Promise<unknown>;
}

/** SSLv2's hello (RFC 6101 appendix E), of a client that knows nothing newer. */
const sslv2Hello = Buffer.concat([
  Buffer.from([0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10]),
  Buffer.from("00003900003800003500001600001300000a0000ff", "hex"),
  randomBytes(16),
]);

/** An alert that ends TLS (RFC 8446 section 6.1), in a record of its own. */
const closeNotify = Buffer.from([21, 3, 3, 0, 2, 1, 0]);
/** Longer than a record may be, by one byte (RFC 8446 section 5.2). */
const tooLong = Buffer.concat([Buffer.from([23, 3, 3, 0x41, 1]), randomBytes(0x4101)]);

/** Sends bytes in the clear, then does what `next` says. */
function sends(bytes: Buffer | (() => Promise<Buffer>), next: "waits" | "ends" | "resets"): Noise["make"] {
  return async (port) => {
    using client = await connectPlain(port);
    await client.write(typeof bytes === "function" ? await bytes() : bytes);
    if (next === "ends") client.end();
    if (next === "resets") client.reset();
    else await client.ending();
  };
}

const half = async (): Promise<Buffer> => {
  const hello = await clientHello();
  return hello.subarray(0, hello.length / 2);
};
const asks = (options: ConnectionOptions) => (port: number) => turnedAway(connectSecure(port, options));
const version = (only: "TLSv1.1" | "TLSv1.2" | "TLSv1.3"): ConnectionOptions => ({
  minVersion: only,
  maxVersion: only,
});

const noises: readonly Noise[] = [
  ...(["tls12", "tls13"] as const).flatMap((listener): Noise[] => [
    { what: "ends without a word", listener, result: "client_gone", make: sends(Buffer.alloc(0), "ends") },
    {
      what: "resets without a word",
      listener,
      result: "client_gone",
      make: sends(Buffer.alloc(0), "resets"),
    },
    { what: "ends within its hello", listener, result: "client_gone", make: sends(half, "ends") },
    { what: "resets within its hello", listener, result: "client_gone", make: sends(half, "resets") },
    { what: "ends after its hello", listener, result: "client_gone", make: sends(clientHello, "ends") },
    { what: "resets after its hello", listener, result: "client_gone", make: sends(clientHello, "resets") },
    {
      what: "speaks HTTP",
      listener,
      result: "not_tls",
      make: sends(Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), "waits"),
    },
    {
      what: "speaks SSH",
      listener,
      result: "not_tls",
      told: /^not_tls: SSH without TLS; SSH has no TLS: give it a listener without tls$/,
      make: sends(Buffer.from("SSH-2.0-OpenSSH_9.2\r\n"), "waits"),
    },
    {
      what: "speaks SMTP",
      listener,
      result: "not_tls",
      told: /^not_tls: SMTP without TLS; .* implicit TLS, as on port 465$/,
      make: sends(Buffer.from("EHLO a.test\r\n"), "waits"),
    },
    { what: "sends zeros", listener, result: "not_tls", make: sends(Buffer.alloc(4096), "waits") },
    {
      what: "sends a record that is too long",
      listener,
      result: "not_tls",
      make: sends(Buffer.concat([Buffer.from([22, 3, 1, 0xff, 0xff]), Buffer.alloc(0xffff)]), "waits"),
    },
    {
      what: "sends a record of application data first",
      listener,
      result: "not_tls",
      make: sends(Buffer.concat([Buffer.from([23, 3, 3, 0, 64]), randomBytes(64)]), "waits"),
    },
    {
      what: "sends a hello of another message's type",
      listener,
      result: "not_tls",
      make: sends(Buffer.from([22, 3, 1, 0, 4, 16, 0, 0, 0]), "waits"),
    },
    {
      what: "sends a close_notify first",
      listener,
      result: "not_tls",
      make: sends(closeNotify, "waits"),
    },
    {
      what: "sends a close_notify after its hello",
      listener,
      result: "client_gone",
      make: sends(async () => Buffer.concat([await clientHello(), closeNotify]), "waits"),
    },
    {
      what: "sends a record that is too long after its hello",
      listener,
      result: "not_tls",
      make: sends(async () => Buffer.concat([await clientHello(), tooLong]), "waits"),
    },
    { what: "sends an SSLv2 hello", listener, result: "protocol_version", make: sends(sslv2Hello, "waits") },
    {
      what: "knows only TLS 1.1",
      listener,
      result: "protocol_version",
      make: asks({ ...version("TLSv1.1"), ciphers: "DEFAULT@SECLEVEL=0" }),
    },
    {
      what: "knows no group in common",
      listener,
      result: "no_shared_cipher",
      make: asks({ ecdhCurve: "secp521r1" }),
    },
    {
      what: "verifies only RSA signatures",
      listener,
      result: "no_shared_cipher",
      make: asks({ sigalgs: "rsa_pss_rsae_sha256:RSA+SHA256" }),
    },
    {
      what: "distrusts the certificate",
      listener,
      result: "client_alert",
      make: (port) => sClient(port, ["-verify_return_error"]),
    },
  ]),
  {
    what: "knows only TLS 1.3",
    listener: "tls12",
    result: "protocol_version",
    make: asks(version("TLSv1.3")),
  },
  {
    what: "knows only TLS 1.2",
    listener: "tls13",
    result: "protocol_version",
    make: asks(version("TLSv1.2")),
  },
  {
    what: "knows only old ciphers",
    listener: "tls12",
    result: "no_shared_cipher",
    make: asks({ ciphers: "ECDHE-ECDSA-AES128-SHA256:AES128-SHA@SECLEVEL=0" }),
  },
  {
    what: "asks for no protocol in common",
    listener: "both",
    result: "no_application_protocol",
    make: asks({ ALPNProtocols: ["spdy/3"] }),
  },
];

function toml(backend: string, certificates: TestCertificates): string {
  const { cert, key } = certificates.ecdsa;
  return `
    workers = 1
    log = { level = "debug" }
    [admin]
    bind = "127.0.0.1:0"
    ${listenersToml("echo", certificates)}
    [listeners.both]
    bind = "127.0.0.1:0"
    pool = "echo"
    [listeners.both.tls]
    alpn = ["h2", "http/1.1"]
    certificates = [{ cert = "${cert}", key = "${key}" }]
    ${poolToml("echo", [backend])}`;
}

describe("clients that do not get through the handshake", () => {
  const resources = new AsyncDisposableStack();
  let umay: RunningUmay;
  let filesAtFirst: number;

  before(async () => {
    const backend = resources.use(await startEchoBackend());
    umay = resources.use(await startUmay(toml(backend.address, await testCertificates())));
    // Files that a first session and a first scrape leave open belong to the start.
    await echoes();
    await umay.metric("umay_open_files");
    filesAtFirst = openFiles(umay.pid);
  });
  afterEach(() => settled(umay));
  after(() => resources.disposeAsync());

  async function echoes(): Promise<void> {
    using client = await connectSecure(umay.port("both"));
    client.end("still there?");
    assert.equal(String(await client.readToEnd()), "still there?");
  }

  const times = 3;

  for (const { what, listener, result, told, make } of noises)
    test(`a client that ${what} counts once as ${result}, over ${listener}`, async () => {
      const count = (labels: Record<string, string>): Promise<number> =>
        umay.metric("umay_tls_handshakes_total", { listener, ...labels });
      const [all, ofKind, lines] = [await count({}), await count({ result }), umay.sessions.length];
      await Promise.all(Array.from({ length: times }, () => make(umay.port(listener))));
      await becomes(
        () => umay.sessions.length,
        (now) => now === lines + times,
        "session lines",
      );
      for (const [index, line] of umay.sessions.slice(lines).entries()) {
        assert.equal(line["reason"], "handshake_failed");
        assert.match(String(line["tls_error"]), told ?? new RegExp(`^${result}(: .+)?$`));
        assert.equal(line.level, told !== undefined && index === 0 ? "info" : "debug");
        assert.equal(line["attempts"], undefined);
      }
      assert.equal(await count({ result }), ofKind + times);
      assert.equal(await count({}), all + times);
    });

  test("renegotiation is refused to openssl s_client", async () => {
    const refused = await sClient(umay.port("tls12"), ["-tls1_2"], "R\n", "no renegotiation");
    assert.match(refused.output, /RENEGOTIATING/);
  });

  test("none of them leaves a file open, and umay goes on serving", async () => {
    await echoes();
    await becomes(
      () => openFiles(umay.pid),
      (files) => files <= filesAtFirst,
      `open files, ${filesAtFirst} at first`,
    );
    assert.deepEqual(
      umay.log.filter(({ level }) => level === "error" || level === "fatal"),
      [],
    );
  });
});
