import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { before, describe, type TestContext, test } from "node:test";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";
import { createCertificate } from "../../src/cli/create-certificate.ts";
import type { ProxyTlvs } from "../../src/lib/proxy-protocol/header.ts";
import { encodeProxyV2 } from "../../src/lib/proxy-protocol/writer.ts";
import { HeaderBackend, missing, say, startHaproxy } from "../lib/proxy-protocol/peers.ts";
import { type CertificatePair, testCertificates } from "../support/certificates.ts";
import { issueClient } from "../support/client-certificates.ts";
import { clientHello } from "../support/client-hello.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

const kinds = ["ecdsa", "rsa"] as const;
const skip = missing("haproxy");

/** The options of clients: without a certificate, and with one. */
let anyone: ConnectionOptions;
let zoe: ConnectionOptions;
/** The CA that issued Zoë's certificate. */
let clientsCa: string;
let server: Readonly<Record<(typeof kinds)[number], CertificatePair>>;

before(async () => {
  const certificates = await testCertificates();
  const { dir, ca } = certificates;
  const notAfter = new Date(Date.now() + 86_400_000);
  const issuer = await createCertificate({ commonName: "clients CA", notAfter });
  const { cert, key } = await issueClient(dir, "zoe", issuer, { subject: "CN=Zoë\\, Z,O=Acme" });
  clientsCa = join(dir, "clients-ca.pem");
  writeFileSync(clientsCa, issuer.cert);
  server = certificates;
  anyone = {
    host: "127.0.0.1",
    servername: "localhost",
    ALPNProtocols: ["h2"],
    ciphers: "TLS_AES_256_GCM_SHA384",
    ca: readFileSync(ca),
  };
  zoe = { ...anyone, cert: readFileSync(cert), key: readFileSync(key) };
});

/** umay with a listener for each kind of server certificate, one for plain TCP and one that passes TLS through. */
async function startTelling(context: TestContext, backend: number): Promise<RunningUmay> {
  const introduced = 'proxy_protocol = { trust = ["127.0.0.1"] }';
  const listener = (name: string, rest: string): string =>
    `[listeners.${name}]\nbind = "127.0.0.1:0"\npool = "told"\n${rest}\n`;
  const secure = kinds.map((kind) => {
    const pair = `{ cert = "${server[kind].cert}", key = "${server[kind].key}" }`;
    const clients = `client_auth = { mode = "optional", ca = "${clientsCa}" }`;
    return listener(kind, `tls = { alpn = ["h2"], certificates = [${pair}], ${clients} }\n`);
  });
  const umay = await startUmay(`
    workers = 1
    ${secure.join("\n")}
    ${listener("introduced", `${introduced}\ntls.certificates = [{ cert = "${server.rsa.cert}", key = "${server.rsa.key}" }]`)}
    ${listener("plain", introduced)}
    ${listener("passing", `${introduced}\nmode = "passthrough"`)}
    [pools.told]
    proxy_protocol = "v2"
    discovery = { type = "static", backends = ["127.0.0.1:${backend}"] }`);
  context.after(() => umay[Symbol.asyncDispose]());
  return umay;
}

/** The TLVs that a backend gets of a client, and of the same client when it comes back with its session. */
async function told(
  backend: HeaderBackend,
  port: number,
  options: ConnectionOptions,
): Promise<readonly [first: ProxyTlvs, resumed: ProxyTlvs]> {
  const first = connectTls({ ...options, port });
  const session = once(first, "session") as Promise<[Buffer]>;
  const { header } = await say(first, backend);
  const again = connectTls({ ...options, port, session: (await session)[0] });
  await once(again, "secureConnect");
  assert.ok(again.isSessionReused());
  const resumed = await say(again, backend);
  return [header.tlvs, resumed.header.tlvs];
}

for (const kind of kinds)
  test(`backends are told of a client's TLS what HAProxy would tell them, with an ${kind} certificate`, {
    skip,
  }, async (context) => {
    const backend = await HeaderBackend.start(context);
    const umay = await startTelling(context, backend.port);
    const { cert, key } = server[kind];
    const { ports } = await startHaproxy(context, {
      portCount: 1,
      files: { "server.pem": readFileSync(cert, "utf8") + readFileSync(key, "utf8") },
      sections: ({ folder, ports }) => `
listen tls
  bind 127.0.0.1:${ports[0]} ssl crt ${folder}/server.pem alpn h2 verify optional ca-file ${clientsCa}
  server backend 127.0.0.1:${backend.port} send-proxy-v2-ssl-cn proxy-v2-options ssl-cipher,cert-sig,cert-key,authority
`,
    });
    for (const options of [anyone, zoe]) {
      const ours = await told(backend, umay.port(kind), options);
      assert.deepEqual(ours, await told(backend, ports[0]!, options));
      const { ssl } = ours[0];
      assert.deepEqual(
        [ssl?.certificateOnConnection, ssl?.verified, ssl?.cn],
        options === zoe ? [true, true, "Zoë, Z"] : [false, false, undefined],
      );
    }
  });

describe("what a proxy in front told of a client", () => {
  const ends = {
    source: { address: "203.0.113.7", port: 4711 },
    destination: { address: "198.51.100.1", port: 443 },
  };
  const uniqueId = Buffer.from("id-1");
  const ssl = { client: true, certificateOnConnection: true, certificateInSession: true, verified: true };
  const tlvs: ProxyTlvs = {
    alpn: "mqtt",
    authority: "front.test",
    uniqueId,
    netns: "blue",
    ssl: { ...ssl, cn: "Zoë" },
  };
  const header = encodeProxyV2({ command: "proxy", ...ends, tlvs }, { crc32c: true });

  function dial(umay: RunningUmay, listener: string): Socket {
    const socket = connect({ port: umay.port(listener), host: "127.0.0.1" });
    socket.write(header);
    return socket;
  }

  test("is passed on where TLS does not end here", async (context) => {
    const backend = await HeaderBackend.start(context);
    const umay = await startTelling(context, backend.port);
    const { header: got } = await say(dial(umay, "plain"), backend);
    const { netns: _, ...expected } = tlvs;
    assert.deepEqual(got, { version: 2, command: "proxy", ...ends, tlvs: expected });
  });

  test("gives way to what umay knows better, but for the unique ID", async (context) => {
    const backend = await HeaderBackend.start(context);
    const umay = await startTelling(context, backend.port);
    const secure: TLSSocket = connectTls({ ...anyone, ALPNProtocols: [], socket: dial(umay, "introduced") });
    const { tlvs: got } = (await say(secure, backend)).header;
    assert.deepEqual([got.authority, got.alpn, got.uniqueId], ["localhost", undefined, uniqueId]);
    assert.deepEqual([got.ssl?.version, got.ssl?.verified], ["TLSv1.3", false]);
    const passing = dial(umay, "passing");
    passing.write(await clientHello({ servername: "passed.test" }));
    const seen = (await say(passing, backend)).header.tlvs;
    assert.deepEqual([seen.authority, seen.alpn, seen.uniqueId], ["passed.test", "mqtt", uniqueId]);
  });

  test("reaches HAProxy behind umay", { skip }, async (context) => {
    const { ports } = await startHaproxy(context, {
      portCount: 1,
      sections: ({ ports }) => `
frontend http
  mode http
  bind 127.0.0.1:${ports[0]} accept-proxy
  http-request return status 200 content-type text/plain lf-string "%[src] %[dst_port] %[fc_pp_authority] %[fc_pp_unique_id]"
`,
    });
    const umay = await startTelling(context, ports[0]!);
    const behind = dial(umay, "introduced");
    const secure = connectTls({ ...anyone, ALPNProtocols: [], socket: behind });
    secure.write("GET / HTTP/1.0\r\n\r\n");
    assert.match(await text(secure), /\r\n\r\n203\.0\.113\.7 443 localhost id-1$/);
  });
});
