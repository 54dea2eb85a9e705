import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { connect as connectTls } from "node:tls";
import type { ProxyHeader } from "../../src/lib/proxy-protocol/header.ts";
import { ProxyHeaderReader } from "../../src/lib/proxy-protocol/reader.ts";
import { encodeProxyV1, encodeProxyV2 } from "../../src/lib/proxy-protocol/writer.ts";
import { testCertificates } from "../support/certificates.ts";
import { patient } from "../support/patience.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

const ends = {
  source: { address: "203.0.113.7", port: 4711 },
  destination: { address: "198.51.100.1", port: 443 },
};
const v1 = encodeProxyV1(ends);
const v2 = encodeProxyV2({ command: "proxy", ...ends, tlvs: {} }, { crc32c: true });
const local = encodeProxyV2({ command: "local", tlvs: {} });

/** A backend that takes a PROXY header, tells the test what it says, and echoes what follows. */
async function startIntroducedBackend(): Promise<{
  server: Server;
  port: number;
  header(): Promise<ProxyHeader>;
}> {
  const headers: ProxyHeader[] = [];
  let told = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    const reader = new ProxyHeaderReader();
    let bytes = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      const reading = reader.read(bytes);
      if (reading.kind !== "header") return;
      headers.push(reading.header);
      told.resolve();
      socket.off("data", onData);
      socket.write(bytes.subarray(reading.length));
      socket.pipe(socket);
    };
    socket.on("data", onData).on("error", () => {});
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const header = async (): Promise<ProxyHeader> => {
    while (headers.length === 0) await told.promise;
    told = Promise.withResolvers();
    return headers.shift()!;
  };
  return { server, port: (server.address() as AddressInfo).port, header };
}

describe("the PROXY protocol", () => {
  let umay: RunningUmay;
  let backends: Awaited<ReturnType<typeof startIntroducedBackend>>[];

  before(async () => {
    const { ecdsa } = await testCertificates();
    backends = [await startIntroducedBackend(), await startIntroducedBackend()];
    const pools = ["v1", "v2"].map(
      (version, index) => `[pools.${version}]
        proxy_protocol = "${version}"
        discovery = { type = "static", backends = ["127.0.0.1:${backends[index]!.port}"] }`,
    );
    umay = await startUmay(`
      log = { level = "debug" }
      workers = 2
      admin.bind = "127.0.0.1:0"
      [listeners.plain]
      bind = "127.0.0.1:0"
      pool = "v1"
      proxy_protocol = { trust = ["127.0.0.1"], timeout = "${patient(200)}ms" }
      [listeners.tls]
      bind = "127.0.0.1:0"
      pool = "v2"
      proxy_protocol = { trust = ["127.0.0.0/8"] }
      [listeners.tls.tls]
      alpn = ["h2"]
      certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }]
      [listeners.direct]
      bind = "127.0.0.1:0"
      pool = "v1"
      ${pools.join("\n")}`);
  });

  after(async () => {
    await umay?.[Symbol.asyncDispose]();
    for (const { server } of backends ?? []) server.close();
  });

  const dial = (listener: string, localAddress = "127.0.0.1"): Socket =>
    connect({ port: umay.port(listener), host: "127.0.0.1", localAddress });
  const firstOf = async (socket: Socket): Promise<string> => {
    const [chunk] = await once(socket, "data");
    socket.destroy();
    return String(chunk);
  };

  for (const [version, header] of [
    ["1", v1],
    ["2", v2],
  ] as const) {
    test(`takes version ${version} off, and its client is the one that counts`, async () => {
      const socket = dial("plain");
      socket.write(Buffer.concat([header, Buffer.from("first")]));
      assert.deepEqual((await backends[0]!.header()).source, ends.source);
      assert.equal(await firstOf(socket), "first");
      const line = await umay.session(({ client }) => client === "203.0.113.7:4711");
      assert.equal(line["via"], "127.0.0.1");
    });

    test(`waits for version ${version} that comes byte by byte`, async () => {
      const socket = dial("plain").setNoDelay();
      for (const byte of Buffer.concat([header, Buffer.from("x")])) {
        socket.write(Buffer.from([byte]));
        await new Promise(setImmediate);
      }
      assert.deepEqual((await backends[0]!.header()).source, ends.source);
      assert.equal(await firstOf(socket), "x");
    });

    test(`begins TLS with the first byte behind version ${version}, and tells the backend what it learnt`, async () => {
      const raw = dial("tls");
      raw.write(header);
      const tls = connectTls({
        socket: raw,
        servername: "localhost",
        ALPNProtocols: ["h2"],
        rejectUnauthorized: false,
      });
      await once(tls, "secureConnect");
      const told = await backends[1]!.header();
      assert.deepEqual([told.source, told.destination], [ends.source, ends.destination]);
      assert.equal(told.tlvs.authority, "localhost");
      assert.equal(told.tlvs.alpn, "h2");
      assert.equal(told.tlvs.ssl?.version, "TLSv1.3");
      tls.write("through TLS");
      assert.equal(await firstOf(tls), "through TLS");
    });
  }

  test("takes a connection of the sender's own for what it is", async () => {
    const socket = dial("plain");
    socket.write(Buffer.concat([local, Buffer.from("x")]));
    assert.deepEqual((await backends[0]!.header()).source?.address, "127.0.0.1");
    assert.equal(await firstOf(socket), "x");
  });

  test("tells backends the client of a listener without it", async () => {
    const socket = dial("direct");
    await once(socket, "connect");
    const { source, destination } = await backends[0]!.header();
    assert.deepEqual(source, { address: "127.0.0.1", port: socket.localPort });
    assert.deepEqual(destination, { address: "127.0.0.1", port: umay.port("direct") });
    socket.destroy();
  });

  const wrongSum = Buffer.from(v2);
  wrongSum[16]! ^= 1;
  const tooLong = Buffer.from(v2);
  tooLong.writeUInt16BE(5000, 14);
  const bad: readonly (readonly [what: string, bytes: string | Buffer, why: RegExp])[] = [
    ["without a header", "GET / HTTP/1.1\r\n\r\n", /is missing/],
    ["with a header that breaks the rules", "PROXY TCP4 256.1.1.1 10.0.0.1 1 2\r\n", /the PROXY header/],
    ["that say nothing", "", /did not come in time/],
    ["with a header that is too long", tooLong, /is 5016 bytes long; at most 4096 are read/],
    ["with a line that does not end", `PROXY TCP4 ${"1".repeat(200)}`, /has no CRLF in its first 107 bytes/],
    ["with a checksum that is wrong", wrongSum, /does not have the CRC32C/],
  ];
  for (const [what, bytes, why] of bad)
    test(`resets connections ${what}`, async () => {
      const known = umay.sessions.length;
      const socket = dial("plain");
      socket.write(bytes);
      const [error] = await once(socket, "error");
      assert.equal((error as NodeJS.ErrnoException).code, "ECONNRESET");
      const line = await umay.logged(
        (one) => umay.sessions.indexOf(one) >= known && one["reason"] === "proxy_header",
      );
      assert.match(String(line["proxy_error"]), why);
    });

  test("resets connections that end within their header", async () => {
    const socket = dial("plain");
    socket.end(v2.subarray(0, 20));
    const [error] = await once(socket, "error");
    assert.equal((error as NodeJS.ErrnoException).code, "ECONNRESET");
    await umay.logged(({ proxy_error }) => /ended before the PROXY header did/.test(String(proxy_error)));
  });

  test("refuses peers that it has no reason to trust, and counts them", async () => {
    const socket = dial("plain", "127.0.0.2");
    const [error] = await once(socket, "error");
    assert.equal((error as NodeJS.ErrnoException).code, "ECONNRESET");
    const labels = { listener: "plain", reason: "proxy_untrusted" };
    assert.equal(await umay.metric("umay_listener_rejected_total", labels), 1);
    assert.equal(
      await umay.metric("umay_sessions_ended_total", { listener: "plain", reason: "proxy_header" }),
      bad.length + 1,
    );
  });
});
