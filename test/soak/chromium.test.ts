import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { noBrowser, Page } from "../support/browser.ts";
import { testCertificates } from "../support/certificates.ts";
import { poolToml } from "../support/client.ts";
import { contentOf } from "../support/http-app.ts";
import { becomes } from "../support/settled.ts";
import { startUmay } from "../support/umay.ts";
import { NodeServer } from "../support/web-servers.ts";
import { echoWebSockets } from "../support/web-socket-echo.ts";

const size = 3_000_000;

function answer(response: ServerResponse, url: string, body: number): void {
  if (url === "/page") response.setHeader("content-type", "text/html").end("<title>page</title>");
  else if (url === "/large") response.end(contentOf(size));
  else if (url === "/events") {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const count of [1, 2, 3]) setTimeout(() => response.write(`data: ${count}\n\n`), count * 50);
  } else response.end(`${url} ${body}`);
}

/** Runs in the page: everything that a page does over HTTP. */
const script = `(async () => {
  const text = async (url, body) =>
    (await fetch(url, body === undefined ? {} : { method: "POST", body })).text();
  const many = await Promise.all(Array.from({ length: 60 }, (_, index) => text("/many/" + index)));
  const large = await (await fetch("/large")).arrayBuffer();
  const digest = [...new Uint8Array(await crypto.subtle.digest("SHA-256", large))];
  const up = await text("/up", new Uint8Array(2_000_000));
  const events = await new Promise((resolve) => {
    const source = new EventSource("/events");
    const got = [];
    source.onmessage = ({ data }) => {
      if (got.push(data) < 3) return;
      source.close();
      resolve(got);
    };
  });
  const echo = await new Promise((resolve, reject) => {
    const socket = new WebSocket("wss://" + location.host + "/socket");
    const got = [];
    socket.onopen = () => socket.send("hello");
    socket.onerror = () => reject(new Error("WebSocket"));
    socket.onmessage = ({ data }) => {
      got.push(data);
      if (got.length < 20) return socket.send("hello" + got.length);
      socket.close();
      resolve(got.length + " " + got.at(-1));
    };
  });
  const cancelled = new AbortController();
  const held = fetch("/events", { signal: cancelled.signal });
  (await held).body;
  cancelled.abort();
  const hops = [...new Set(performance.getEntriesByType("resource").map((entry) => entry.nextHopProtocol))];
  return { many, digest, up, events, echo, hops: hops.filter((hop) => hop !== "") };
})()`;

for (const [version, hop] of [
  ["1.1", "http/1.1"],
  ["2", "h2"],
] as const)
  test(`Chromium fetches, uploads, listens to events and holds a WebSocket over HTTP/${version}`, {
    skip: noBrowser,
  }, async () => {
    await using backend = await NodeServer.start((response, { url = "" }, body) =>
      answer(response, url, body),
    );
    echoWebSockets(backend.server);
    const { ecdsa } = await testCertificates();
    await using umay = await startUmay(`
      workers = 1
      admin = { bind = "127.0.0.1:0" }
      [listeners.web]
      bind = "127.0.0.1:0"
      mode = "http"
      pool = "app"
      http.versions = ["${version}"]
      tls.certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }]
      ${poolToml("app", [backend.address])}`);
    await using page = await Page.open("about:blank", 800);
    await page.send("Security.setIgnoreCertificateErrors", { ignore: true });
    await page.send("Page.navigate", { url: `https://localhost:${umay.port("web")}/page` });
    await becomes(
      () => page.evaluate<string>("document.title"),
      (title) => title === "page",
      "the page's title",
    );
    const got = await page.evaluate<Record<string, unknown>>(script);
    assert.deepEqual(got, {
      many: Array.from({ length: 60 }, (_, index) => `/many/${index} 0`),
      digest: [...createHash("sha256").update(contentOf(size)).digest()],
      up: "/up 2000000",
      events: ["1", "2", "3"],
      echo: "20 hello19",
      hops: [hop],
    });
    const socket = await umay.logged(({ path }) => path === "/socket");
    assert.deepEqual([socket["protocol"], socket["reason"]], [`HTTP/${version}`, "upgraded"]);
    const failed = umay.log.filter(({ status }) => typeof status === "number" && status >= 400);
    // Events that the page closes end with their client.
    assert.deepEqual(
      failed.filter(({ path }) => path !== "/events" && path !== "/favicon.ico"),
      [],
    );
  });
