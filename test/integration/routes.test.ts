import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { connect, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { connect as connectTls, createServer, type Server } from "node:tls";
import { type EchoServer, startEcho } from "../../src/cli/echo-server.ts";
import { formatAddress } from "../../src/lib/address.ts";
import { testCertificates } from "../support/certificates.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

/** The first line that comes back, or the error that comes instead. */
async function answer(socket: Socket, text: string): Promise<string> {
  let received = "";
  socket.setEncoding("utf8");
  socket.write(text);
  try {
    for await (const chunk of socket) {
      received += chunk;
      if (received.includes("\n")) break;
    }
  } catch (error) {
    return (error as Error).message;
  }
  socket.destroy();
  return received.split("\n")[0]!;
}

describe("a listener with routes", () => {
  let umay: RunningUmay;
  let behind: Server;
  const echoes: EchoServer[] = [];

  before(async () => {
    const certificates = await testCertificates();
    const { ecdsa } = certificates;
    for (const name of ["default", "wild", "mqtt", "plain"])
      echoes.push(await startEcho({ bind: "127.0.0.1:0", name }));
    behind = createServer({ cert: readFileSync(ecdsa.cert), key: readFileSync(ecdsa.key) }, (socket) => {
      socket.on("error", () => {});
      socket.end(`backend ${socket.servername || "without a name"}\n`);
    });
    await once(behind.listen(0, "127.0.0.1"), "listening");
    const pools = ["default", "wild", "mqtt", "plain"].map(
      (name, index) =>
        `[pools.${name}]\ndiscovery = { type = "static", backends = ["${formatAddress(echoes[index]!.address)}"] }`,
    );
    umay = await startUmay(`
      workers = 1
      log.level = "debug"
      admin.bind = "127.0.0.1:0"
      [listeners.mixed]
      bind = "127.0.0.1:0"
      pool = "default"
      detect = true
      routes = [
        { sni = ["through.test"], pool = "tls", passthrough = true },
        { sni = ["*.wild.test"], pool = "wild" },
        { alpn = ["mqtt"], pool = "mqtt" },
        { protocol = ["http1"], pool = "plain" },
      ]
      [listeners.mixed.tls]
      alpn = ["mqtt", "h2"]
      certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }]
      [listeners.strict]
      bind = "127.0.0.1:0"
      pool = "default"
      [listeners.strict.tls]
      strict_sni = true
      certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }]
      [listeners.through]
      bind = "127.0.0.1:0"
      mode = "passthrough"
      pool = "tls"
      routes = [{ alpn = ["mqtt"], pool = "mqtt" }]
      ${pools.join("\n")}
      [pools.tls]
      discovery = { type = "static", backends = ["127.0.0.1:${(behind.address() as AddressInfo).port}"] }`);
  });

  after(async () => {
    await umay?.[Symbol.asyncDispose]();
    for (const echo of echoes) await echo.close();
    behind?.close();
  });

  const secure = (listener: string, servername: string, ALPNProtocols: string[] = []): Promise<string> =>
    answer(
      connectTls({
        port: umay.port(listener),
        host: "127.0.0.1",
        rejectUnauthorized: false,
        ...(servername !== "" && { servername }),
        ...(ALPNProtocols.length > 0 && { ALPNProtocols }),
      }),
      "hello\n",
    );
  const plain = (listener: string, text: string): Promise<string> =>
    answer(connect(umay.port(listener), "127.0.0.1"), text);

  test("sends sessions to pools by name and negotiated protocol, and the rest to its own", async () => {
    assert.equal(await secure("mixed", "a.wild.test"), "wild: hello");
    assert.equal(await secure("mixed", "a.b.wild.test"), "wild: hello");
    assert.equal(await secure("mixed", "other.test", ["h2", "mqtt"]), "mqtt: hello");
    assert.equal(await secure("mixed", "other.test"), "default: hello");
    assert.equal(await secure("mixed", ""), "default: hello");
  });

  test("passes one name through untouched while it terminates the others", async () => {
    assert.equal(await secure("mixed", "through.test"), "backend through.test");
    const line = await umay.session(({ sni }) => sni === "through.test");
    assert.equal(line["pool"], "tls");
    assert.equal(line["tls"], undefined);
  });

  test("tells HTTP from TLS and from anything else on one port", async () => {
    assert.equal(await plain("mixed", "GET / HTTP/1.1\r\n"), "plain: GET / HTTP/1.1\r");
    assert.equal(await plain("mixed", "EHLO there\n"), "default: EHLO there");
  });

  test("takes a client that waits for the server to speak first for anything else", async () => {
    const socket = connect(umay.port("mixed"), "127.0.0.1");
    await umay.logged(() => true);
    const { connections_total: before } = (await umay.status()).pools["default"]!.backends[0]!;
    for (;;) {
      const { connections_total: now } = (await umay.status()).pools["default"]!.backends[0]!;
      if (now > before) break;
    }
    assert.equal(await answer(socket, "GET late\n"), "default: GET late");
  });

  test("routes TLS that it does not terminate by what the hello offers", async () => {
    assert.equal(await secure("through", "any.test"), "backend any.test");
    assert.equal(await secure("through", ""), "backend without a name");
    assert.equal(await plain("through", "GET / HTTP/1.1\r\n\r\n"), "HTTP/1.1 400 Bad Request\r");
    const refused = await umay.session(
      ({ listener, reason }) => listener === "through" && reason === "handshake_failed",
    );
    assert.match(String(refused["tls_error"]), /^not_tls: /);
  });

  test("refuses names that no certificate covers where it is strict, but not without a name where one covers the address", async () => {
    assert.equal(await secure("strict", "localhost"), "default: hello");
    assert.equal(await secure("strict", ""), "default: hello");
    assert.match(await secure("strict", "other.test"), /tlsv1 unrecognized name/);
    assert.equal(
      await umay.metric("umay_tls_handshakes_total", { listener: "strict", result: "unknown_name" }),
      1,
    );
  });
});
