import assert from "node:assert/strict";
import { mkdtempDisposableSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import { createCertificate } from "../../src/cli/create-certificate.ts";
import { startEchoBackend } from "../support/backend.ts";
import { type TestCertificates, testCertificates } from "../support/certificates.ts";
import { connectSecure, poolToml } from "../support/client.ts";
import { sClient } from "../support/openssl.ts";
import { sessionOf, settled } from "../support/settled.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

/** The outcome of a handshake, as a client sees it. */
interface Seen {
  readonly name: string;
  readonly keyType: string;
  readonly authorized: boolean;
  readonly alpn: string | false | null;
  readonly group: string | undefined;
}

/** @returns its path, without `.pem` and `.key`. */
async function writeRsaCertificate(folder: string, name: string): Promise<string> {
  const notAfter = new Date(Date.now() + 86_400_000);
  const issuer = await createCertificate({ commonName: "another CA", notAfter });
  const made = await createCertificate({
    commonName: name,
    names: [name],
    algorithm: "rsa",
    notAfter,
    issuer,
  });
  const path = join(folder, name);
  writeFileSync(`${path}.pem`, made.cert);
  writeFileSync(`${path}.key`, made.key);
  return path;
}

describe("certificates, names, protocols and groups", () => {
  const resources = new AsyncDisposableStack();
  let umay: RunningUmay;
  let certificates: TestCertificates;
  let ca: Buffer;

  before(async () => {
    const backend = resources.use(await startEchoBackend());
    certificates = await testCertificates();
    ca = readFileSync(certificates.ca);
    const folder = mkdtempDisposableSync(join(tmpdir(), "umay-"));
    resources.defer(() => folder.remove());
    const named = await writeRsaCertificate(folder.path, "named.test");
    const pairs = (...names: ("ecdsa" | "rsa" | "otherName")[]): string =>
      names
        .map((name) => `{ cert = "${certificates[name].cert}", key = "${certificates[name].key}" }`)
        .join(", ");
    umay = resources.use(
      await startUmay(`
        workers = 1
        [admin]
        bind = "127.0.0.1:0"
        [listeners.all]
        bind = "127.0.0.1:0"
        pool = "echo"
        [listeners.all.tls]
        alpn = ["h2", "http/1.1"]
        certificates = [${pairs("ecdsa", "rsa", "otherName")}]
        [listeners.kinds]
        bind = "127.0.0.1:0"
        pool = "echo"
        [listeners.kinds.tls]
        certificates = [${pairs("ecdsa")}, { cert = "${named}.pem", key = "${named}.key" }]
        [listeners.rsa]
        bind = "127.0.0.1:0"
        pool = "echo"
        [listeners.rsa.tls]
        certificates = [${pairs("rsa")}]
        ${poolToml("echo", [backend.address])}`),
    );
  });
  afterEach(() => settled(umay));
  after(() => resources.disposeAsync());

  async function see(listener: string, options: ConnectionOptions): Promise<Seen> {
    using client = await connectSecure(umay.port(listener), { rejectUnauthorized: false, ca, ...options });
    const tls = client.socket as TLSSocket;
    const certificate = tls.getPeerX509Certificate()!;
    const key = tls.getEphemeralKeyInfo() as { readonly name?: string };
    const seen = {
      name: certificate.subject,
      keyType: certificate.publicKey.asymmetricKeyType!,
      authorized: tls.authorized,
      alpn: tls.alpnProtocol,
      group: key.name,
    };
    client.end("hello");
    assert.equal(String(await client.readToEnd()), "hello");
    return seen;
  }

  const versions = ["TLSv1.2", "TLSv1.3"] as const;

  for (const version of versions) {
    const only = { minVersion: version, maxVersion: version } as const;

    for (const [keyType, sigalgs] of [
      ["ec", "ecdsa_secp256r1_sha256"],
      ["rsa", "rsa_pss_rsae_sha256"],
    ] as const)
      test(`a client that verifies only ${keyType} signatures gets that certificate, over ${version}`, async () => {
        const seen = await see("all", { ...only, sigalgs, servername: "localhost" });
        assert.deepEqual([seen.name, seen.keyType, seen.authorized], ["CN=localhost", keyType, true]);
      });

    for (const [servername, name] of [
      ["localhost", "localhost"],
      ["LocalHost", "localhost"],
      ["other.test", "other.test"],
      ["OTHER.test", "other.test"],
      ["any.other.test", "other.test"],
      ["one.too.many.other.test", "localhost"],
      ["unknown.test", "localhost"],
      ["", "localhost"],
    ] as const)
      test(`the server name "${servername}" gets the certificate of ${name}, over ${version}`, async () => {
        const seen = await see("all", { ...only, servername, checkServerIdentity: () => undefined });
        assert.equal(seen.name, `CN=${name}`);
      });

    for (const [offered, chosen] of [
      [["http/1.1", "h2"], "h2"],
      [["http/1.1"], "http/1.1"],
      [["spdy/3", "http/1.1"], "http/1.1"],
      [[], false],
    ] as const)
      test(`of the protocols [${offered}], ${chosen || "none"} is agreed on, over ${version}`, async () => {
        const seen = await see("all", { ...only, ALPNProtocols: [...offered], servername: "localhost" });
        assert.equal(seen.alpn, chosen);
      });

    test(`a name gets its own certificate where another name's has another kind of key, over ${version}`, async () => {
      assert.equal((await see("kinds", { ...only, servername: "named.test" })).name, "CN=named.test");
      assert.equal((await see("kinds", { ...only, servername: "localhost" })).name, "CN=localhost");
    });

    test(`openssl s_client verifies chain and name, and gets its echo, over ${version}`, async () => {
      for (const [listener, name] of [
        ["all", "localhost"],
        ["all", "deep.other.test"],
        ["rsa", "localhost"],
      ] as const) {
        const { output } = await sClient(
          umay.port(listener),
          [
            version === "TLSv1.2" ? "-tls1_2" : "-tls1_3",
            ...["-CAfile", certificates.ca, "-servername", name, "-verify_hostname", name],
            "-verify_return_error",
            "-showcerts",
          ],
          "Hello, Umay!\n",
          "Hello, Umay!",
        );
        assert.match(output, /Verify return code: 0 \(ok\)/);
        assert.match(output, new RegExp(`New, ${version}, Cipher is .*AES_?\\d+_?-?GCM`));
        assert.equal(output.match(/BEGIN CERTIFICATE/g)?.length, 2, "the whole chain");
      }
    });
  }

  test("the key exchange is the first group that the client has: X25519MLKEM768, or a classical one", async () => {
    assert.equal((await see("all", {})).group, "X25519MLKEM768");
    assert.equal((await see("all", { ecdhCurve: "X25519MLKEM768" })).group, "X25519MLKEM768");
    assert.equal((await see("all", { ecdhCurve: "X25519" })).group, "X25519");
    assert.equal((await see("all", { ecdhCurve: "P-256" })).group, "prime256v1");
  });

  test("the session's line says what was agreed on", async () => {
    using client = await connectSecure(umay.port("all"), {
      servername: "Any.Other.Test",
      ALPNProtocols: ["http/1.1"],
      maxVersion: "TLSv1.2",
    });
    client.end();
    const line = await sessionOf(umay, client);
    assert.deepEqual([line["sni"], line["alpn"], line["tls"]], ["any.other.test", "http/1.1", "TLSv1.2"]);
  });
});
