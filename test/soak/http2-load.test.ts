import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import { test } from "node:test";
import { testCertificates } from "../support/certificates.ts";
import { Child } from "../support/child.ts";
import { poolToml } from "../support/client.ts";
import { startHttpBackend } from "../support/http.ts";
import { outcomeOf } from "../support/http2-outcome.ts";
import { settled } from "../support/settled.ts";
import { startUmay } from "../support/umay.ts";

const total = 2 ** 30;
const piece = Buffer.alloc(65_536);
for (let at = 0; at < piece.length; at++) piece[at] = (at * 31 + (at >> 8)) % 251;

/** Sends a GiB, and reads what comes back. @returns the digests of both. */
async function echo(
  client: ClientHttp2Session,
): Promise<readonly [sent: string, got: string, bytes: number]> {
  const stream = client.request({ ":method": "POST", ":path": "/echo" });
  const [sent, got] = [createHash("sha256"), createHash("sha256")];
  let bytes = 0;
  stream.on("data", (part: Buffer) => {
    got.update(part);
    bytes += part.length;
  });
  const ended = once(stream, "end");
  for (let left = total; left > 0; left -= piece.length) {
    sent.update(piece);
    if (!stream.write(piece)) await once(stream, "drain");
  }
  stream.end();
  await ended;
  return [sent.digest("hex"), got.digest("hex"), bytes];
}

for (const version of ["1.1", "2"] as const)
  test(`a GiB up and down through one stream beside 100 small requests, exact, to a backend of HTTP/${version}`, async () => {
    await using backend = await startHttpBackend((request, response) => {
      if (request.url === "/echo") request.pipe(response);
      else response.end(request.url);
    });
    const { ecdsa } = await testCertificates();
    const inner = `[listeners.inner]\nbind = "127.0.0.1:0"\nmode = "http"\npool = "app"`;
    await using umay = await startUmay(`
      workers = 1
      log.sessions = false
      admin = { bind = "127.0.0.1:0" }
      ${inner}
      ${poolToml("app", [backend.address])}`);
    // A backend of HTTP/2: umay itself.
    const [pool, http] =
      version === "2" ? [`127.0.0.1:${umay.port("inner")}`, 'http.version = "2"'] : [backend.address, ""];
    await using outer = await startUmay(`
      workers = 1
      log.sessions = false
      admin = { bind = "127.0.0.1:0" }
      [listeners.web]
      bind = "127.0.0.1:0"
      mode = "http"
      pool = "app"
      tls.certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }]
      ${poolToml("app", [pool], http)}`);
    const client = connect(`https://127.0.0.1:${outer.port("web")}`, { rejectUnauthorized: false });
    const large = echo(client);
    const small: string[] = [];
    for (let count = 0; count < 100; count++) {
      const { body } = await outcomeOf(client.request({ ":path": `/${count}` }));
      small.push(body.toString());
    }
    const [sent, got, bytes] = await large;
    assert.equal(bytes, total);
    assert.equal(got, sent);
    assert.deepEqual(
      small,
      Array.from({ length: 100 }, (_, count) => `/${count}`),
    );
    client.close();
    await settled(outer);
  });

test("the p99 of small answers beside a GiB up and down through one stream is at most three times that alone", async (t) => {
  await using backend = await startHttpBackend((request, response) => {
    if (request.url === "/echo") request.pipe(response);
    else response.end("small");
  });
  const { ecdsa } = await testCertificates();
  await using umay = await startUmay(`
    workers = 1
    log.sessions = false
    admin = { bind = "127.0.0.1:0" }
    [listeners.web]
    bind = "127.0.0.1:0"
    mode = "http"
    pool = "app"
    max_requests_per_connection = 0
    tls.certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }]
    ${poolToml("app", [backend.address])}`);
  await using child = new Child("beside-child.ts", [umay.port("web"), 1_000, total]);
  const line = await child.line(300_000);
  const { alone, beside, answers, got } = JSON.parse(line) as {
    readonly [Name in "alone" | "beside"]: readonly [median: number, p99: number];
  } & { readonly [Name in "answers" | "got"]: number };
  t.diagnostic(line);
  assert.equal(got, total);
  assert.ok(answers >= 1_000, `${answers} answers beside it`);
  assert.ok(beside[1] <= 3 * alone[1], `${beside[1]} ms beside it, ${alone[1]} ms alone`);
});
