import "reflect-metadata";
import assert from "node:assert/strict";
import { KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { connect as connectTls, type SecureContextOptions } from "node:tls";
import { X509CertificateGenerator } from "@peculiar/x509";
import type { ProxyHeader, ProxyTlvs } from "../../../src/lib/proxy-protocol/header.ts";
import { encodeProxyV1, encodeProxyV2 } from "../../../src/lib/proxy-protocol/writer.ts";
import { testCertificates } from "../../support/certificates.ts";
import { answer, HeaderBackend, missing, type Peer, say, startHaproxy } from "./peers.ts";

const skip = missing("haproxy");

/** A part of HAProxy that listens on one address and sends headers to the backend. */
function sender(name: string, bind: string, server: string): string {
  return `
listen ${name}
  bind ${bind}
  unique-id-format id-%cp
  server backend ${server}
`;
}

const listening = [
  ["127.0.0.1", 0],
  ["::1", 1],
] as const;

/** One listener on IPv4, one on IPv6 and one on a unix socket. */
function senders({ folder, ports }: Peer, server: string): string {
  return [
    sender("v4", `127.0.0.1:${ports[0]}`, server),
    sender("v6", `[::1]:${ports[1]}`, server),
    sender("unix", `unix@${folder}/socket`, server),
  ].join("");
}

test("HAProxy's send-proxy is read, over IPv4, over IPv6 and from a unix socket", {
  skip,
}, async (context) => {
  const backend = await HeaderBackend.start(context);
  const { folder, ports } = await startHaproxy(context, {
    portCount: 2,
    sections: (peer) => senders(peer, `127.0.0.1:${backend.port} send-proxy`),
  });
  for (const [address, index] of listening) {
    const port = ports[index]!;
    const { client, ...seen } = await say(connect(port, address), backend);
    assert.deepEqual(seen, {
      header: { version: 1, command: "proxy", source: client, destination: { address, port }, tlvs: {} },
      line: "hello\n",
    });
  }
  const { header } = await say(connect(join(folder, "socket")), backend);
  assert.deepEqual(header, { version: 1, command: "proxy", tlvs: {} });
});

test("HAProxy's send-proxy-v2 is read, with its unique ID and its checksum", { skip }, async (context) => {
  const backend = await HeaderBackend.start(context);
  const server = `127.0.0.1:${backend.port} send-proxy-v2 proxy-v2-options crc32c,unique-id`;
  const { folder, ports } = await startHaproxy(context, {
    portCount: 2,
    sections: (peer) => senders(peer, server),
  });
  for (const [address, index] of listening) {
    const port = ports[index]!;
    const { client, ...seen } = await say(connect(port, address), backend);
    const tlvs = { uniqueId: Buffer.from(`id-${client.port}`) };
    assert.deepEqual(seen, {
      header: { version: 2, command: "proxy", source: client, destination: { address, port }, tlvs },
      line: "hello\n",
    });
  }
  const { header, line } = await say(connect(join(folder, "socket")), backend);
  assert.deepEqual(header, { version: 2, command: "local", tlvs: {} });
  assert.equal(line, "hello\n");
});

test("HAProxy's health checks are local", { skip }, async (context) => {
  const backend = await HeaderBackend.start(context);
  const local = backend.local();
  const server = `127.0.0.1:${backend.port} check inter 50ms check-send-proxy send-proxy-v2`;
  await startHaproxy(context, {
    portCount: 1,
    sections: ({ ports }) => sender("v4", `127.0.0.1:${ports[0]}`, server),
  });
  assert.deepEqual(await local, { version: 2, command: "local", tlvs: {} });
});

/** A client certificate that is its own issuer, with its key, as PEM. */
async function selfSigned(commonName: string): Promise<{ cert: string; key: string }> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned({ name: `CN=${commonName}`, keys });
  const key = KeyObject.from(keys.privateKey).export({ type: "pkcs8", format: "pem" }).toString();
  return { cert: certificate.toString("pem"), key };
}

test("the TLS details of HAProxy's send-proxy-v2-ssl-cn are read", { skip }, async (context) => {
  const certificates = await testCertificates();
  const [trusted, stranger] = await Promise.all([selfSigned("Zoë"), selfSigned("stranger")]);
  const backend = await HeaderBackend.start(context);
  const options = "ssl-cipher,cert-sig,cert-key,authority,crc32c";
  const server = `127.0.0.1:${backend.port} send-proxy-v2-ssl-cn proxy-v2-options ${options}`;
  const files = {
    "server.pem": readFileSync(certificates.rsa.cert, "utf8") + readFileSync(certificates.rsa.key, "utf8"),
    "clients.pem": trusted.cert,
  };
  const { ports } = await startHaproxy(context, {
    portCount: 1,
    files,
    sections: ({ folder, ports }) => {
      const tls = `ssl crt ${folder}/server.pem alpn h2 ssl-min-ver TLSv1.3 ciphersuites TLS_AES_128_GCM_SHA256`;
      const clients = `verify optional ca-file ${folder}/clients.pem crt-ignore-err all ca-ignore-err all`;
      return sender("tls", `127.0.0.1:${ports[0]} ${tls} ${clients}`, server);
    },
  });
  const tlvs = async (own: SecureContextOptions): Promise<ProxyTlvs> => {
    const to = { port: ports[0]!, host: "127.0.0.1", servername: "localhost", ALPNProtocols: ["h2"] };
    const { header } = await say(connectTls({ ...to, ca: readFileSync(certificates.ca), ...own }), backend);
    return header.tlvs;
  };
  const ssl = {
    client: true,
    version: "TLSv1.3",
    cipher: "TLS_AES_128_GCM_SHA256",
    signatureAlgorithm: "ecdsa-with-SHA256",
    keyAlgorithm: "RSA2048",
  };
  const sent = { certificateOnConnection: true, certificateInSession: true };
  const names = { alpn: "h2", authority: "localhost" };
  assert.deepEqual(await tlvs(trusted), { ...names, ssl: { ...ssl, ...sent, verified: true, cn: "Zoë" } });
  assert.deepEqual(await tlvs(stranger), {
    ...names,
    ssl: { ...ssl, ...sent, verified: false, cn: "stranger" },
  });
  const none = { certificateOnConnection: false, certificateInSession: false, verified: false };
  assert.deepEqual(await tlvs({}), { ...names, ssl: { ...ssl, ...none } });
});

const source = { address: "192.0.2.1", port: 1234 };
const source6 = { address: "2001:db8::1", port: 65535 };
const destination = { address: "198.51.100.2", port: 443 };
const ssl = { client: true, certificateOnConnection: true, certificateInSession: true, verified: true };
const tlvs: ProxyTlvs = {
  alpn: "h2",
  authority: "a.example",
  uniqueId: Buffer.from("id-1"),
  ssl: { ...ssl, version: "TLSv1.3", cn: "Zoë", cipher: "TLS_AES_128_GCM_SHA256" },
  netns: "blue",
};

/** Asks HAProxy's accept-proxy what it took from a header: nothing when it refused it. */
async function startReceiver(context: TestContext): Promise<(header: Buffer) => Promise<string>> {
  const fetches = "%[src] %[src_port] %[dst] %[dst_port] %[fc_pp_authority] %[fc_pp_unique_id]";
  const { ports } = await startHaproxy(context, {
    portCount: 1,
    sections: ({ ports }) => `
frontend http
  mode http
  bind 127.0.0.1:${ports[0]} accept-proxy
  http-request return status 200 content-type text/plain lf-string "${fetches}"
`,
  });
  return async (header) => {
    const response = await answer(ports[0]!, Buffer.concat([header, Buffer.from("GET / HTTP/1.0\r\n\r\n")]));
    return response.slice(response.indexOf("\r\n\r\n") + 4).trim();
  };
}

test("HAProxy's accept-proxy takes the headers of both versions that are written", {
  skip,
}, async (context) => {
  const ask = await startReceiver(context);
  const header: ProxyHeader = { version: 2, command: "proxy", source, destination, tlvs: {} };
  const ends = "192.0.2.1 1234 198.51.100.2 443";
  const mixedEnds = "2001:db8::1 65535 ::ffff:198.51.100.2 443";
  const mixed = { ...header, source: source6 };
  const largest = { authority: "a".repeat(255), uniqueId: Buffer.alloc(128, "b") };
  assert.equal(await ask(encodeProxyV1(header)), ends);
  assert.equal(await ask(encodeProxyV1(mixed)), mixedEnds);
  assert.equal(await ask(encodeProxyV2(header)), ends);
  assert.equal(await ask(encodeProxyV2(mixed, { crc32c: true })), mixedEnds);
  assert.equal(await ask(encodeProxyV2({ ...header, tlvs })), `${ends} a.example id-1`);
  assert.equal(await ask(encodeProxyV2({ ...mixed, tlvs }, { crc32c: true })), `${mixedEnds} a.example id-1`);
  const answerToLargest = `${ends} ${largest.authority} ${largest.uniqueId}`;
  assert.equal(await ask(encodeProxyV2({ ...header, tlvs: largest }, { crc32c: true })), answerToLargest);
});

test("HAProxy's accept-proxy takes its own peer for the client when a header names none", {
  skip,
}, async (context) => {
  const ask = await startReceiver(context);
  const itself = /^127\.0\.0\.1 \d+ 127\.0\.0\.1 \d+$/;
  assert.match(await ask(encodeProxyV1({})), itself);
  assert.match(await ask(encodeProxyV2({ command: "local", tlvs: {} })), itself);
  assert.match(await ask(encodeProxyV2({ command: "proxy", tlvs }, { crc32c: true })), itself);
});

test("HAProxy verifies the checksum that is written", { skip }, async (context) => {
  const ask = await startReceiver(context);
  const bytes = encodeProxyV2({ command: "proxy", source, destination, tlvs }, { crc32c: true });
  bytes[16]! ^= 1;
  assert.equal(await ask(bytes), "");
});
