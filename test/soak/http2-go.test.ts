import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import { test } from "node:test";
import { testCertificates } from "../support/certificates.ts";
import { poolToml } from "../support/client.ts";
import { GoServer, goHttp2 } from "../support/go-server.ts";
import { contentOf } from "../support/http-app.ts";
import { sha256 } from "../support/http-clients.ts";
import { type Outcome, outcomeOf } from "../support/http2-outcome.ts";
import { settled } from "../support/settled.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

const listener = `
  workers = 2
  log.sessions = false
  admin = { bind = "127.0.0.1:0" }
  [listeners.web]
  bind = "127.0.0.1:0"
  mode = "http"
  http.versions = ["2"]
  max_requests_per_connection = 0`;

async function post(client: ClientHttp2Session, path: string, body: Uint8Array): Promise<Outcome> {
  const stream = client.request({ ":method": "POST", ":path": path, te: "trailers" });
  stream.end(body);
  return await outcomeOf(stream);
}

async function connected(umay: RunningUmay): Promise<ClientHttp2Session> {
  // Bodies that wait to be sent count, in MiB; over it Node resets streams.
  const client = connect(`http://127.0.0.1:${umay.port("web")}`, { maxSessionMemory: 1_000 });
  client.on("error", () => {});
  await once(client, "connect");
  return client;
}

for (const transport of ["prior knowledge", "TLS"] as const)
  test(`a server of Go as a backend of HTTP/2, by ${transport}: bodies larger than all windows, and trailers`, {
    skip: goHttp2.missing,
  }, async () => {
    const { ecdsa, ca } = await testCertificates();
    await using server = await GoServer.start(transport === "TLS" ? ecdsa : undefined);
    const tls = transport === "TLS" ? `\ntls.ca = "${ca}"` : "";
    await using umay = await startUmay(
      `${listener}\npool = "app"${poolToml("app", [server.address], `http.version = "2"${tls}`)}`,
    );
    const client = await connected(umay);
    const large = contentOf(20 * 2 ** 20);
    const [up, down, echoed] = await Promise.all([
      post(client, "/digest", large),
      outcomeOf(client.request({ ":path": `/stream/${large.length}` })),
      (async () => {
        const stream = client.request(
          { ":method": "POST", ":path": "/trailers", te: "trailers", trailer: "x-sent" },
          { waitForTrailers: true },
        );
        stream.on("wantTrailers", () => stream.sendTrailers({ "x-sent": "all" }));
        const trailers = once(stream, "trailers");
        stream.end(large);
        const outcome = await outcomeOf(stream);
        return { ...outcome, length: (await trailers)[0]["x-length"] };
      })(),
    ]);
    assert.equal(up.body.toString(), `POST ${large.length} ${sha256(large)}`);
    assert.ok(down.body.equals(large));
    assert.ok(echoed.body.equals(large));
    assert.equal(echoed.length, `${large.length} all`);
    client.close();
    await settled(umay);
  });

test("servers of Go that shut down under load, one after the other, lose no request, GET or POST", {
  skip: goHttp2.missing,
}, async () => {
  await using one = await GoServer.start();
  await using two = await GoServer.start();
  await using umay = await startUmay(
    `${listener}\npool = "app"${poolToml("app", [one.address, two.address], 'http.version = "2"')}`,
  );
  const bad: string[] = [];
  let served = 0;
  let isOver = false;
  const body = contentOf(3_000);
  const expected = `POST ${body.length} ${sha256(body)}`;
  const clients = await Promise.all(Array.from({ length: 4 }, () => connected(umay)));
  const loads = clients.flatMap((client) =>
    Array.from({ length: 8 }, async (_, lane) => {
      for (let count = 0; !isOver; count++) {
        const isPost = (lane + count) % 2 === 0;
        const { status, body: got } = isPost
          ? await post(client, "/slow/2", body)
          : await outcomeOf(client.request({ ":path": "/bytes/1000" }));
        if (status === 200 && (isPost ? got.toString() === expected : got.length === 1_000)) served++;
        else bad.push(`${status} ${got}`);
      }
    }),
  );
  for (let count = 0; count < 10; count++) {
    const before = served;
    await (count % 2 === 0 ? one : two).again();
    while (served < before + 200 && bad.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  isOver = true;
  await Promise.all(loads);
  assert.deepEqual(bad, []);
  assert.ok((await umay.metric("umay_backend_http2_goaways_total")) >= 10);
  for (const client of clients) client.close();
  await settled(umay);
});
