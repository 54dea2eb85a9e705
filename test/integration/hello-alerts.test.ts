import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startEchoBackend } from "../support/backend.ts";
import { testCertificates } from "../support/certificates.ts";
import { connectPlain, poolToml } from "../support/client.ts";
import { clientHello, withExtension, withExtensionTwice } from "../support/client-hello.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

/** A hello that OpenSSL refuses as well; it has read it where the listener terminates TLS and reads no hello itself. */
describe("a hello that breaks the rules", () => {
  const resources = new AsyncDisposableStack();
  let umay: RunningUmay;

  before(async () => {
    const backend = resources.use(await startEchoBackend());
    const { ecdsa } = await testCertificates();
    umay = resources.use(
      await startUmay(`
        workers = 1
        log = { level = "debug" }
        listeners.through = { bind = "127.0.0.1:0", mode = "passthrough", pool = "app" }
        [listeners.openssl]
        bind = "127.0.0.1:0"
        pool = "app"
        tls.certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }]
        ${poolToml("app", [backend.address])}`),
    );
  });
  after(() => resources.disposeAsync());

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
