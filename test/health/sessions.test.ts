import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { mock, test } from "node:test";
import { createServer, type Server, type TLSSocket, type TlsOptions } from "node:tls";
import type { CheckTarget } from "../../src/health/check.ts";
import { createCheck } from "../../src/health/registry.ts";
import { Sessions } from "../../src/health/sessions.ts";
import type { TlsCheckSpec } from "../../src/model/health.ts";
import { testCertificates } from "../support/certificates.ts";
import { authorities } from "../support/material.ts";
import { patient } from "../support/patience.ts";
import { becomes } from "../support/settled.ts";

// A first session lives for a random part of its time, which could be shorter than a test.
mock.method(Math, "random", () => 0.99);

const certificates = await testCertificates();
const read = ({ cert, key }: { cert: string; key: string }) => ({
  cert: readFileSync(cert),
  key: readFileSync(key),
});
const spec: TlsCheckSpec = {
  type: "tls",
  interval: 5_000,
  timeout: patient(2_000),
  rise: 2,
  fall: 3,
  address: undefined,
  port: undefined,
  proxyProtocol: undefined,
  tls: {
    verify: true,
    ca: authorities(readFileSync(certificates.ca, "utf8")),
    serverName: undefined,
    certificate: undefined,
    alpn: [],
  },
};

/** A backend that says how the handshakes with it went. */
class TlsBackend implements AsyncDisposable {
  readonly target: CheckTarget;
  readonly server: Server;
  /** Of each handshake that the backend saw the end of. */
  readonly handshakes: ("full" | "resumed" | "failed")[] = [];
  /** Connections. */
  #open = 0;

  static async start(options: TlsOptions = {}): Promise<TlsBackend> {
    const server = createServer({ ...read(certificates.ecdsa), ...options });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new TlsBackend(server);
  }

  private constructor(server: Server) {
    this.server = server;
    this.target = {
      target: { kind: "tcp", host: "127.0.0.1", port: (server.address() as AddressInfo).port },
    };
    server.on("connection", (socket) => {
      this.#open++;
      socket.once("close", () => this.#open--);
    });
    server.on("secureConnection", (socket: TLSSocket) => {
      socket.on("error", () => {}).resume();
      this.handshakes.push(socket.isSessionReused() ? "resumed" : "full");
    });
    server.on("tlsClientError", () => this.handshakes.push("failed"));
  }

  /** Checks it, and waits for its view of that. @returns why it failed. */
  async check(check: ReturnType<typeof createCheck>, handshakes = 1): Promise<string | undefined> {
    const seen = this.handshakes.length;
    const failure = await new Promise<Error | undefined>((resolve) => check.check(this.target, resolve));
    // A connection lasts until its session has come, where one is wanted.
    await becomes(
      () => this.handshakes.length >= seen + handshakes && this.#open === 0,
      Boolean,
      "what the backend saw of a check",
    );
    return failure?.message;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.close();
    await once(this.server, "close");
  }
}

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  const versions = { minVersion: version, maxVersion: version };

  test(`${version}: a full handshake comes first, then its session is resumed, and the backend sees each one complete`, async () => {
    await using backend = await TlsBackend.start(versions);
    const check = createCheck(spec);
    for (let round = 0; round < 4; round++) assert.equal(await backend.check(check), undefined);
    assert.deepEqual(backend.handshakes, ["full", "resumed", "resumed", "resumed"]);
    // Other settings, other sessions.
    assert.equal(await backend.check(createCheck(spec)), undefined);
    assert.equal(backend.handshakes.at(-1), "full");
  });

  test(`${version}: after a failure the handshake is a full one`, async () => {
    await using backend = await TlsBackend.start(versions);
    const check = createCheck(spec);
    for (let round = 0; round < 2; round++) assert.equal(await backend.check(check), undefined);
    const cut = (socket: { destroy(): void }): void => void socket.destroy();
    backend.server.on("connection", cut);
    // Resumed, and then full at once.
    assert.notEqual(await backend.check(check, 2), undefined);
    backend.server.off("connection", cut);
    assert.equal(await backend.check(check), undefined);
    assert.deepEqual(backend.handshakes, ["full", "resumed", "failed", "failed", "full"]);
  });

  test(`${version}: a backend that forgot its sessions passes with a full handshake`, async () => {
    await using backend = await TlsBackend.start(versions);
    const check = createCheck(spec);
    for (let round = 0; round < 2; round++) assert.equal(await backend.check(check), undefined);
    backend.server.setTicketKeys(Buffer.alloc(48, 7));
    for (let round = 0; round < 2; round++) assert.equal(await backend.check(check), undefined);
    assert.deepEqual(backend.handshakes, ["full", "resumed", "full", "resumed"]);
  });

  test(`${version}: a certificate that is no longer good is found when the session is too old`, async () => {
    // Keys that outlive the certificate.
    await using backend = await TlsBackend.start({ ...versions, ticketKeys: Buffer.alloc(48, 3) });
    // Sessions live for a minute less the interval, here a second.
    const check = createCheck({ ...spec, interval: 59_000 / 1.1 });
    assert.equal(await backend.check(check), undefined);
    backend.server.setSecureContext({ ...read(certificates.expired), ...versions });
    const began = performance.now();
    let failure: string | undefined;
    while (failure === undefined) failure = await backend.check(check);
    assert.match(failure, /certificate has expired/);
    assert.ok(performance.now() - began < patient(10_000));
    // And with a session that the backend no longer takes it is found at once.
    backend.server.setSecureContext({ ...read(certificates.ecdsa), ...versions });
    const other = createCheck(spec);
    for (let round = 0; round < 2; round++) assert.equal(await backend.check(other), undefined);
    backend.server.setSecureContext({ ...read(certificates.otherName), ...versions });
    backend.server.setTicketKeys(Buffer.alloc(48, 7));
    assert.match((await backend.check(other)) ?? "passed", /127\.0\.0\.1/);
  });
}

test("a backend that takes a session back only with groups that are not offered for that passes, and is not asked again", async () => {
  await using backend = await TlsBackend.start({ minVersion: "TLSv1.3", ecdhCurve: "X25519MLKEM768" });
  const check = createCheck(spec);
  assert.equal(await backend.check(check), undefined);
  assert.equal(await backend.check(check, 2), undefined);
  for (let round = 0; round < 2; round++) assert.equal(await backend.check(check), undefined);
  assert.deepEqual(backend.handshakes, ["full", "failed", "full", "full", "full"]);
});

test("after an answer that does not pass the handshake is a full one", async () => {
  await using backend = await TlsBackend.start();
  let status = 200;
  backend.server.on("secureConnection", (socket: TLSSocket) =>
    socket.once("data", () => socket.end(`HTTP/1.1 ${status} x\r\nContent-Length: 0\r\n\r\n`)),
  );
  const http = { method: "GET", path: "/", host: undefined, expectBody: undefined } as const;
  const check = createCheck({
    ...spec,
    ...http,
    type: "http",
    version: "1.1",
    expectStatus: [{ from: 200, to: 299 }],
  });
  for (let round = 0; round < 2; round++) assert.equal(await backend.check(check), undefined);
  status = 503;
  assert.match((await backend.check(check)) ?? "passed", /status 503/);
  status = 200;
  assert.equal(await backend.check(check), undefined);
  assert.deepEqual(backend.handshakes, ["full", "resumed", "resumed", "full"]);
});

test("checks that are rarer than once a minute make a full handshake each time", async () => {
  await using backend = await TlsBackend.start();
  const check = createCheck({ ...spec, interval: 60_000 });
  for (let round = 0; round < 2; round++) assert.equal(await backend.check(check), undefined);
  assert.deepEqual(backend.handshakes, ["full", "full"]);
});

test("a session is resumed for its time at most, the first for a part of it, and not when the certificate has expired", () => {
  let now = 0;
  let date = 1_000_000;
  const sessions = new Sessions(1_000, { now: () => now, date: () => date, random: () => 0.25 });
  const target: CheckTarget = { target: { kind: "unix", path: "/a" } };
  const session = Buffer.from("session");
  const verify = (notAfter: number): void => {
    assert.equal(sessions.verified(target, notAfter), true);
    assert.equal(sessions.of(target), undefined);
    sessions.keep(target, session);
    assert.equal(sessions.of(target), session);
  };
  assert.equal(sessions.of(target), undefined);
  verify(Number.POSITIVE_INFINITY);
  now = 249;
  assert.equal(sessions.of(target), session);
  now = 250;
  assert.equal(sessions.of(target), undefined);
  verify(Number.POSITIVE_INFINITY);
  now = 1_249;
  assert.equal(sessions.of(target), session);
  now = 1_250;
  assert.equal(sessions.of(target), undefined);
  verify(date + 500);
  date += 500;
  assert.equal(sessions.of(target), undefined);
  sessions.forget(target);
  verify(Number.POSITIVE_INFINITY);
  sessions.refused(target);
  assert.equal(sessions.of(target), undefined);
  assert.equal(sessions.verified(target, Number.POSITIVE_INFINITY), false);
  now += 250;
  verify(Number.POSITIVE_INFINITY);
});
