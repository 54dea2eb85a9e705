import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createSecureContext, type SecureVersion, TLSSocket } from "node:tls";
import type { ClientVerdict } from "../../src/data/accept/client-auth.ts";
import { classifyHandshakeError } from "../../src/data/accept/handshake-failure.ts";
import { Termination } from "../../src/data/accept/tls.ts";
import type { ListenerTls } from "../../src/model/listener.ts";
import type { Certificate } from "../../src/model/material.ts";
import type { PoolTls } from "../../src/model/pool.ts";
import { beginTls, createBackendContext } from "../../src/tls/backend.ts";
import { pinOf } from "../../src/tls/peer-certificate.ts";
import type { CertificatePair } from "../support/certificates.ts";
import { certificateOf, issue, ofCa } from "../support/issue.ts";
import { authorities } from "../support/material.ts";

const dir = mkdtempSync(join(tmpdir(), "umay-handshakes-"));
after(() => rmSync(dir, { recursive: true, force: true }));

const root = issue(dir, "root", { extensions: ofCa });
const intermediate = issue(dir, "intermediate", { issuer: root, extensions: ofCa });
const leaf = issue(dir, "leaf", { issuer: intermediate });
const server = issue(dir, "server", { issuer: root });
const trusting = (...pairs: CertificatePair[]) =>
  authorities(pairs.map(({ cert }) => readFileSync(cert, "utf8")).join(""));

const listener: ListenerTls = {
  name: "tls",
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.3",
  ciphers: "TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256",
  groups: ["X25519", "P-256"],
  alpn: [],
  certificates: [certificateOf(server)],
  strictSni: false,
  clientAuth: undefined,
  sessionTickets: undefined,
};
const pool: PoolTls = {
  verify: true,
  ca: trusting(root),
  serverName: "localhost",
  certificate: undefined,
  alpn: [],
};

/** Both ends of a TCP connection. */
async function pair(use: (accepted: Socket, connected: Socket) => Promise<void>): Promise<void> {
  const server = createServer({ allowHalfOpen: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const connected = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [accepted] = (await once(server, "connection")) as [Socket];
  try {
    await use(accepted, connected);
  } finally {
    connected.destroy();
    accepted.destroy();
    server.close();
  }
}

/** The verdict of a listener about a client, or why there was no handshake. */
async function judged(tls: ListenerTls, client: Certificate): Promise<ClientVerdict | string> {
  const termination = new Termination({ name: "a", ticketKeys: undefined }, tls);
  let said: ClientVerdict | string = "nothing";
  await pair(async (accepted, connected) => {
    const socket = termination.begin(accepted, "localhost");
    const peer = beginTls({ ...pool, certificate: client }, peerAt, {
      socket: connected,
      context: createBackendContext({ ...pool, certificate: client }, undefined),
      protocols: [],
      session: undefined,
    }).on("error", () => {});
    const over = Promise.withResolvers<void>();
    socket.on("secure", () => {
      said = termination.judge(socket);
      over.resolve();
    });
    socket.on("error", ({ code = "" }: NodeJS.ErrnoException) => {
      said = code;
      over.resolve();
    });
    await over.promise;
    peer.destroy();
    socket.destroy();
  });
  return said;
}

const peerAt = { target: { kind: "tcp", host: "127.0.0.1", port: 0 }, hostName: undefined } as const;

test("a client is believed by an intermediate CA alone, whether it sends that one or not", async () => {
  const clientAuth = {
    mode: "require",
    ca: trusting(intermediate),
    crl: undefined,
    allow: undefined,
  } as const;
  for (const client of [certificateOf(leaf), certificateOf(leaf, intermediate)]) {
    const verdict = await judged({ ...listener, clientAuth }, client);
    assert.deepEqual(verdict, { client: "CN=leaf", refusal: undefined, lastWords: undefined });
  }
  const stranger = certificateOf(issue(dir, "stranger", { issuer: root }));
  const verdict = await judged({ ...listener, clientAuth }, stranger);
  assert.ok(typeof verdict === "object");
  assert.equal(verdict.refusal?.result, "client_certificate_invalid");
});

test("in TLS 1.2 a client's key must be on one of the groups, and where it is not, that has a reason of its own", async () => {
  const clientAuth = { mode: "require", ca: trusting(root), crl: undefined, allow: undefined } as const;
  const client = certificateOf(issue(dir, "large", { curve: "P-521", issuer: root }));
  const old = { ...listener, clientAuth, maxVersion: "TLSv1.2" } as const;
  const code = await judged(old, client);
  assert.equal(code, "ERR_SSL_WRONG_CURVE");
  assert.equal(classifyHandshakeError({ name: "", message: "", code }), "client_certificate_curve");
  const letIn = { client: "CN=large", refusal: undefined, lastWords: undefined };
  assert.deepEqual(await judged({ ...old, groups: [...old.groups, "P-521"] }, client), letIn);
  assert.deepEqual(await judged({ ...listener, clientAuth }, client), letIn);
});

/** How a backend with this certificate is taken. */
async function taken(
  certificate: Certificate,
  tls: Partial<PoolTls>,
  maxVersion: SecureVersion = "TLSv1.3",
): Promise<string> {
  let said = "";
  await pair(async (accepted, connected) => {
    const { cert, key } = certificate;
    const secureContext = createSecureContext({ cert, key, maxVersion });
    new TLSSocket(accepted, { isServer: true, secureContext }).on("error", () => {});
    const wanted = { ...pool, ...tls };
    const socket = beginTls(wanted, peerAt, {
      socket: connected,
      context: createBackendContext(wanted, undefined),
      protocols: [],
      session: undefined,
    });
    const over = Promise.withResolvers<void>();
    socket.on("secureConnect", () => {
      said = "ok";
      over.resolve();
    });
    socket.on("error", ({ code = "" }: NodeJS.ErrnoException) => {
      said = code;
      over.resolve();
    });
    await over.promise;
    socket.destroy();
  });
  return said;
}

test("a backend is believed by an intermediate CA alone, and by its own certificate", async () => {
  assert.equal(await taken(certificateOf(leaf), { ca: trusting(intermediate) }), "ok");
  assert.equal(await taken(certificateOf(leaf), { ca: trusting(leaf) }), "ok");
  assert.equal(
    await taken(certificateOf(server), { ca: trusting(leaf) }),
    "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  );
});

test("a backend's name is verified, by its alternative names or else its common name", async () => {
  const named = issue(dir, "by-common-name.test", {
    issuer: root,
    extensions: ["basicConstraints=CA:FALSE"],
  });
  const wrong = "ERR_TLS_CERT_ALTNAME_INVALID";
  assert.equal(await taken(certificateOf(server), {}), "ok");
  assert.equal(await taken(certificateOf(server), { serverName: "server" }), wrong);
  assert.equal(await taken(certificateOf(named), { serverName: "by-common-name.test" }), "ok");
  assert.equal(await taken(certificateOf(named), { serverName: "other.test" }), wrong);
  const addressed = issue(dir, "addressed", { issuer: root, extensions: ["subjectAltName=IP:127.0.0.1"] });
  assert.equal(await taken(certificateOf(addressed), { serverName: undefined }), "ok");
  assert.equal(await taken(certificateOf(server), { serverName: undefined }), wrong);
});

test("a backend is known by its key, by any of its names, or by both, and a key alone may be anybody's", async () => {
  const pins = [pinOf(new X509Certificate(readFileSync(server.cert)))];
  const wrongPin = "ERR_TLS_CERT_PIN";
  const stranger = certificateOf(issue(dir, "self-signed", {}));
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    assert.equal(await taken(certificateOf(server), { pins }, version), "ok");
    assert.equal(await taken(certificateOf(server), { pins: ["AAAA"] }, version), wrongPin);
    const keysAlone = { verify: false, ca: undefined, serverName: "other.test" };
    assert.equal(await taken(certificateOf(server), { ...keysAlone, pins }, version), "ok");
    assert.equal(await taken(stranger, { ...keysAlone, pins }, version), wrongPin);
    assert.equal(await taken(stranger, { pins }, version), "DEPTH_ZERO_SELF_SIGNED_CERT");
  }
  const named = issue(dir, "service", {
    issuer: root,
    extensions: ["subjectAltName=URI:spiffe://a.test/db"],
  });
  const uri = { kind: "uri", uri: "spiffe://a.test/db" } as const;
  assert.equal(await taken(certificateOf(named), { names: [uri] }), "ok");
  assert.equal(await taken(certificateOf(server), { names: [uri] }), "ERR_TLS_CERT_ALTNAME_INVALID");
});

test("a backend on a curve without a NIST name, or whose CA is on one, does not end the process", async () => {
  const curve = "brainpoolP256r1";
  assert.equal(await taken(certificateOf(issue(dir, "odd", { curve, issuer: root })), {}), "ok");
  const oddCa = issue(dir, "odd-ca", { curve, issuer: root, extensions: ofCa });
  const below = issue(dir, "below", { issuer: oddCa });
  assert.equal(await taken(certificateOf(below, oddCa), {}), "ok");
  assert.equal(await taken(certificateOf(below, oddCa), {}, "TLSv1.2"), "ok");
});
