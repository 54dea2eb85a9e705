import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import { after, afterEach, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { startEchoBackend } from "../support/backend.ts";
import { testCertificates } from "../support/certificates.ts";
import { connectPlain, poolToml } from "../support/client.ts";
import { sessionOf, settled } from "../support/settled.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

/** One that OpenSSL reads first, one whose hello umay reads first, and one that does not speak TLS itself. */
const listeners = ["web", "strict", "passing"] as const;
const advice = /^This port speaks TLS: use https/;

describe("plain HTTP on a port that speaks TLS", () => {
  const resources = new AsyncDisposableStack();
  let umay: RunningUmay;

  before(async () => {
    const backend = resources.use(await startEchoBackend());
    const { ecdsa } = await testCertificates();
    const certificates = `certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }]`;
    const listener = (name: string, rest: string): string =>
      `[listeners.${name}]\nbind = "127.0.0.1:0"\npool = "echo"\n${rest}\n`;
    umay = resources.use(
      await startUmay(`
        workers = 1
        log.level = "debug"
        admin.bind = "127.0.0.1:0"
        ${listener("web", `tls = { ${certificates} }`)}
        ${listener("strict", `tls = { strict_sni = true, ${certificates} }`)}
        ${listener("passing", 'mode = "passthrough"')}
        ${poolToml("echo", [backend.address])}`),
    );
  });
  afterEach(() => settled(umay));
  after(() => resources.disposeAsync());

  async function ask(listener: string, method: string, body: Buffer): Promise<IncomingMessage> {
    const asked = request({ port: umay.port(listener), host: "127.0.0.1", method });
    const answered = Promise.withResolvers<IncomingMessage>();
    asked.on("response", answered.resolve).on("error", answered.reject);
    asked.end(body);
    return answered.promise;
  }

  for (const listener of listeners) {
    for (const method of ["GET", "POST", "PUT", "DELETE", "PATCH"])
      test(`${method} is answered with what to do instead (${listener})`, async () => {
        const body = Buffer.alloc(method === "GET" ? 0 : 8_000);
        const response = await ask(listener, method, body);
        assert.equal(response.statusCode, 400);
        assert.equal(response.headers.connection, "close");
        assert.match(await text(response), advice);
      });

    test(`the answer ends in order, and the session counts as one whose handshake failed (${listener})`, async () => {
      using client = await connectPlain(umay.port(listener));
      await client.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
      assert.match(String(await client.readToEnd()), /^HTTP\/1\.1 400 /);
      const line = await sessionOf(umay, client);
      assert.equal(line["reason"], "handshake_failed");
      assert.equal(line["tls_error"], "not_tls: http request");
      const labels = { listener, reason: "handshake_failed" };
      assert.equal(await umay.metric("umay_sessions_ended_total", labels), 6);
    });

    test(`what is neither TLS nor HTTP gets no answer in the clear (${listener})`, async () => {
      using client = await connectPlain(umay.port(listener));
      await client.write("SSH-2.0-OpenSSH_9.2\r\n");
      await client.ending();
      assert.ok(client.received <= 7, "an alert at most");
    });

    test(`curl shows the answer, also to an upload (${listener})`, async (context) => {
      const args = ["-sS", "--max-time", "10", "-H", "Expect:", "--data-binary", "@-"];
      const url = `http://127.0.0.1:${umay.port(listener)}/`;
      const curl = promisify(execFile)("curl", [...args, url]);
      curl.child.stdin!.on("error", () => {});
      curl.child.stdin!.end(Buffer.alloc(10_000));
      try {
        assert.match((await curl).stdout, advice);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
        context.skip("curl is not installed");
      }
    });
  }
});
