import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { type EndReason, endReasons } from "../../src/model/reasons.ts";
import { prettyRenderer } from "../../src/observe/pretty.ts";
import { logSession, type SessionRecord } from "../../src/observe/session-log.ts";
import { createWorkerLogger } from "../../src/observe/worker-logger.ts";

const full: SessionRecord = {
  id: "3fa9c1-1z",
  client: "192.0.2.1:50000",
  listener: "web",
  serverName: "example.com",
  alpn: "mqtt",
  tlsVersion: "TLSv1.3",
  tlsError: "",
  via: "",
  httpError: "",
  glitches: 0,
  proxyError: "",
  clientCertificate: "",
  pool: "echo",
  backend: "127.0.0.1:1995",
  pick: {
    picker: "consistent-hash",
    key: "192.0.2.1",
    candidates: 3,
    skipped: [{ backend: "127.0.0.1:1996", why: "down" }],
  },
  attempts: [
    { backend: "127.0.0.1:1994", ms: 0.1234567, error: "ECONNREFUSED" },
    { backend: "127.0.0.1:1995", ms: 0.5, error: undefined },
  ],
  requests: undefined,
  received: 10,
  sent: 20,
  handshake: 1.23456,
  queue: 2,
  connect: 0.5,
  duration: 100.0004,
  reason: "client_closed",
};

const nothing: SessionRecord = {
  ...full,
  client: "",
  serverName: "",
  alpn: "",
  tlsVersion: "",
  pool: "",
  backend: "",
  pick: undefined,
  attempts: [],
  handshake: undefined,
  queue: undefined,
  connect: undefined,
};

function lineOf(
  record: SessionRecord,
  level: "info" | "debug" = "debug",
): Record<string, unknown> | undefined {
  let line: Record<string, unknown> | undefined;
  const { logger, flush } = createWorkerLogger({ level }, (bytes) => {
    line = JSON.parse(Buffer.from(bytes).toString());
  });
  logSession(logger, record);
  flush();
  delete line?.["time"];
  return line;
}

test("the line of a session has all there is to know about it", () => {
  assert.deepEqual(lineOf(full), {
    level: "info",
    id: "3fa9c1-1z",
    client: "192.0.2.1:50000",
    listener: "web",
    sni: "example.com",
    alpn: "mqtt",
    tls: "TLSv1.3",
    pool: "echo",
    backend: "127.0.0.1:1995",
    pick: {
      picker: "consistent-hash",
      key: "192.0.2.1",
      candidates: 3,
      skipped: [{ backend: "127.0.0.1:1996", why: "down" }],
    },
    attempts: [
      { backend: "127.0.0.1:1994", ms: 0.123, error: "ECONNREFUSED" },
      { backend: "127.0.0.1:1995", ms: 0.5 },
    ],
    received: 10,
    sent: 20,
    handshake_ms: 1.235,
    queue_ms: 2,
    connect_ms: 0.5,
    duration_ms: 100,
    reason: "client_closed",
    origin: "client",
    end: endReasons.client_closed.text,
    msg: "session",
  });
});

test("what there was not is not in the line", () => {
  assert.deepEqual(lineOf(nothing), {
    level: "info",
    id: "3fa9c1-1z",
    listener: "web",
    received: 10,
    sent: 20,
    duration_ms: 100,
    reason: "client_closed",
    origin: "client",
    end: endReasons.client_closed.text,
    msg: "session",
  });
});

test("a failed handshake says why", () => {
  const line = lineOf({ ...nothing, reason: "handshake_failed", tlsError: "not_tls: wrong version number" });
  assert.equal(line?.["tls_error"], "not_tls: wrong version number");
});

test("sessions are at info; handshakes that failed, clients that left before a backend was there, validations, and those that a rule or limit refused, at debug", () => {
  const noise = (Object.keys(endReasons) as EndReason[]).filter(
    (reason) => lineOf({ ...full, reason }, "info") === undefined,
  );
  assert.deepEqual(noise, [
    "client_gone",
    "denied",
    "max_connections_per_ip",
    "connection_rate_per_ip",
    "no_chain",
    "handshake_failed",
    "handshake_timeout",
    "acme_validation",
  ]);
  for (const reason of noise) assert.equal(lineOf({ ...full, reason })?.["level"], "debug");
});

test("a peer that ends without its PROXY header is at info, and at debug where it sent no byte", () => {
  const record = { ...nothing, reason: "proxy_header" } as const;
  assert.equal(lineOf(record)?.["level"], "info");
  assert.equal(lineOf({ ...record, silent: true })?.["level"], "debug");
});

test("a client that was refused for its certificate is named, at info", () => {
  const line = lineOf({ ...nothing, reason: "handshake_failed", clientCertificate: "CN=mallory" }, "info");
  assert.equal(line?.["client_cert"], "CN=mallory");
});

test("in the pretty form a session is one short line, and all of it only where that is asked for", async () => {
  const line = `${JSON.stringify({ time: "2026-11-22T16:36:58.400Z", ...lineOf(full) })}\n`;
  const plain = (text: string): string => stripVTControlCharacters(text).replace(/^\[.*?\] /, "");
  assert.equal(
    plain((await prettyRenderer(false))(line)),
    "INFO: session 3fa9c1-1z  192.0.2.1:50000 → web (example.com) → echo 127.0.0.1:1995  10 B in, 20 B out, 100 ms  client_closed\n",
  );
  assert.match((await prettyRenderer(true))(line), /session.*"alpn":"mqtt"/);
  const other = `${JSON.stringify({ level: "warn", time: "2026-11-22T16:36:58.400Z", pool: "p", msg: "m" })}\n`;
  assert.match(plain((await prettyRenderer(false))(other)), /^WARN: m .*"pool":"p"/);
});
