import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { request } from "node:http";
import { connect } from "node:http2";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { startHttpBackend } from "../support/http.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

const text = "All work and no play makes a dull page. ".repeat(5_000);
let backend: Awaited<ReturnType<typeof startHttpBackend>>;
let umay: RunningUmay;
/** Of the answer that comes in parts. */
let slow: ServerResponse | undefined;
/** Of the answer that is larger than what buffers on its way hold. */
let big: ServerResponse | undefined;
/** It does not get smaller: gzip looks back over 32 KiB only. */
const part = randomBytes(65_536);
const parts = 512;

before(async () => {
  backend = await startHttpBackend((message, response) => {
    response.setHeader("content-type", "text/plain");
    if (message.url === "/slow") {
      slow = response;
      response.write("first");
    } else if (message.url === "/cut") {
      response.write(text, () => response.destroy());
    } else if (message.url === "/events") {
      response.setHeader("content-type", "text/event-stream");
      response.end("data: 1\n\n");
    } else if (message.url === "/big") {
      big = response;
      for (let count = 0; count < parts; count++) response.write(part);
      response.end();
    } else if (message.url === "/ranges") {
      const { range = "none", "if-range": condition = "none" } = message.headers;
      response.end(`${range}; ${String(condition)}`);
    } else {
      response.setHeader("etag", '"v1"').setHeader("accept-ranges", "bytes").setHeader("vary", "origin");
      response.setHeader("content-length", text.length);
      response.end(message.method === "HEAD" ? undefined : text);
    }
  });
  umay = await startUmay(`
    workers = 1
    [listeners.web]
    bind = "127.0.0.1:0"
    mode = "http"
    [listeners.web2]
    bind = "127.0.0.1:0"
    mode = "http"
    http = { versions = ["2"] }
    [routes.all]
    pool = "app"
    compress = {}
    [pools.app]
    discovery = { type = "static", backends = ["${backend.address}"] }`);
});
after(async () => {
  await umay[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});

/** @returns the answer, whose body is to be read. */
async function begin(
  path: string,
  accept: string | undefined,
  method = "GET",
  more: Readonly<Record<string, string>> = {},
): Promise<IncomingMessage> {
  const headers = accept === undefined ? more : { "accept-encoding": accept, ...more };
  const sent = request({ host: "127.0.0.1", port: umay.port("web"), path, method, headers, agent: false });
  // Whoever reads the answer hears of it, too.
  sent.on("error", () => {});
  sent.end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  return response;
}

async function bodyOf(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

for (const [accept, decode] of [
  ["gzip", gunzipSync],
  ["br", brotliDecompressSync],
  ["zstd", zstdDecompressSync],
] as const)
  test(`${accept}: the body is the same, and the head says what has become of it`, async () => {
    const response = await begin("/", accept);
    const body = await bodyOf(response);
    assert.equal(decode(body).toString(), text);
    assert.ok(body.length < text.length / 20, String(body.length));
    const { headers } = response;
    assert.deepEqual(
      [
        headers["content-encoding"],
        headers.etag,
        headers.vary,
        headers["content-length"],
        headers["accept-ranges"],
      ],
      [accept, 'W/"v1"', "origin, accept-encoding", undefined, undefined],
    );
    const line = await umay.logged(({ path, sent }) => path === "/" && sent === body.length);
    assert.equal(line["reason"], "served");
  });

for (const [what, accept, more] of [
  ["takes no coding", undefined, {}],
  ["takes nothing at all", "*;q=0, identity;q=0", {}],
  ["wants nothing to be changed", "gzip", { "cache-control": "no-cache, no-transform" }],
] as const)
  test(`a client that ${what} gets the answer as it is, and caches are told`, async () => {
    const response = await begin("/", accept, "GET", more);
    assert.equal((await bodyOf(response)).toString(), text);
    const { headers } = response;
    assert.deepEqual(
      [headers["content-encoding"], headers.etag, headers.vary, headers["content-length"]],
      [undefined, '"v1"', "origin, accept-encoding", String(text.length)],
    );
  });

test("who has a part of an answer, and knows it by its date, gets the whole: the rest may have another coding", async () => {
  const asked = async (condition: Readonly<Record<string, string>>): Promise<string> =>
    (await bodyOf(await begin("/ranges", undefined, "GET", { range: "bytes=9-", ...condition }))).toString();
  assert.equal(await asked({}), "bytes=9-; none");
  assert.equal(await asked({ "if-range": '"v1"' }), 'bytes=9-; "v1"');
  assert.equal(await asked({ "if-range": "Sun, 29 Nov 2026 00:00:00 GMT" }), "none; none");
});

test("HEAD says what GET would, and event streams are left alone", async () => {
  const { headers } = await begin("/", "gzip", "HEAD");
  assert.deepEqual(
    [headers["content-encoding"], headers.etag, headers["content-length"]],
    ["gzip", 'W/"v1"', undefined],
  );
  const events = await begin("/events", "gzip");
  assert.equal(events.headers["content-encoding"], undefined);
  assert.equal((await bodyOf(events)).toString(), "data: 1\n\n");
});

test("what a backend has sent before a pause reaches the client in the pause", async () => {
  const response = await begin("/slow", "gzip");
  const [first] = (await once(response, "data")) as [Buffer];
  assert.ok(first.length > 0);
  slow!.end(" and last");
  const rest = await bodyOf(response);
  assert.equal(gunzipSync(Buffer.concat([first, rest])).toString(), "first and last");
});

test("an answer that is cut short never looks complete", async () => {
  await assert.rejects(async () => bodyOf(await begin("/cut", "gzip")), /aborted|ECONNRESET/);
  const line = await umay.logged(({ path }) => path === "/cut");
  assert.match(String(line["reason"]), /^backend_(closed|reset)$/);
});

test("a client that reads slowly slows the backend down, and gets all of it; one that leaves ends it", async () => {
  const response = await begin("/big", "gzip");
  // The time in which nothing may end.
  await sleep(200);
  assert.equal(big!.writableFinished, false, "the backend was not slowed down");
  const { length } = gunzipSync(await bodyOf(response));
  assert.equal(length, parts * part.length);
  const left = await begin("/big", "gzip");
  left.destroy();
  assert.equal(
    (await umay.logged(({ path, reason }) => path === "/big" && reason === "client_reset")).level,
    "info",
  );
});

test("over HTTP/2 it is the same", async () => {
  const client = connect(`http://127.0.0.1:${umay.port("web2")}`);
  try {
    const stream = client.request({ ":path": "/", "accept-encoding": "zstd;q=0.5, gzip" });
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    const [[headers]] = await Promise.all([once(stream, "response"), once(stream, "end")]);
    assert.deepEqual([headers["content-encoding"], headers["content-length"]], ["gzip", undefined]);
    assert.equal(gunzipSync(Buffer.concat(chunks)).toString(), text);
  } finally {
    client.destroy();
  }
});
