import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type ClientHttp2Session, connect, constants, type ServerHttp2Stream } from "node:http2";
import { createServer as createSecure } from "node:https";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { testCertificates } from "../support/certificates.ts";
import { poolToml } from "../support/client.ts";
import { HttpClient } from "../support/http-client.ts";
import { type Outcome, outcomeOf } from "../support/http2-outcome.ts";
import { Http2Backend } from "../support/http2-server.ts";
import { soon } from "../support/peer.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";
import { NodeServer } from "../support/web-servers.ts";

const large = Buffer.alloc(3 * 2 ** 20, "umay");

/** Streams with half an answer. */
const dying: ServerHttp2Stream[] = [];

/** Answers as the path asks for it. */
function answer(stream: ServerHttp2Stream, headers: Record<string, unknown>): void {
  const path = headers[":path"] as string;
  if (path === "/large") {
    stream.respond({ ":status": 200 });
    stream.end(large);
  } else if (path === "/upload") {
    let length = 0;
    stream.on("data", (part: Buffer) => {
      length += part.length;
    });
    stream.on("end", () => {
      stream.respond({ ":status": 200 });
      stream.end(String(length));
    });
  } else if (path === "/trailers") {
    stream.respond({ ":status": 200 }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end("message");
  } else if (path === "/hints") {
    stream.additionalHeaders({ ":status": 103, link: "</a>" });
    stream.respond({ ":status": 200 });
    stream.end("late");
  } else if (path === "/silent") dying.push(stream);
  else if (path === "/refused") stream.close(constants.NGHTTP2_REFUSED_STREAM);
  else if (path === "/dies") {
    stream.respond({ ":status": 200 });
    stream.write("begin");
    dying.push(stream);
  } else if (path === "/head") stream.respond({ ":status": 204 }, { endStream: true });
  else {
    stream.respond({ ":status": 200, "x-scheme": headers[":scheme"] as string });
    stream.end(path);
  }
}

describe("backends that speak HTTP/2", () => {
  const resources = new AsyncDisposableStack();
  const backends: Record<"plain" | "secure" | "few", Http2Backend> = {} as never;
  let older: NodeServer;
  let umay: RunningUmay;

  before(async () => {
    const { ecdsa, ca } = await testCertificates();
    backends.plain = resources.use(await Http2Backend.start(answer));
    backends.secure = resources.use(await Http2Backend.start(answer, { tls: ecdsa }));
    backends.few = resources.use(await Http2Backend.start(answer, { settings: { maxConcurrentStreams: 4 } }));
    older = resources.use(await NodeServer.start());
    const server = createSecure(
      { cert: readFileSync(ecdsa.cert), key: readFileSync(ecdsa.key) },
      ({ url }, response) => response.end(url),
    );
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    resources.defer(() => {
      server.closeAllConnections();
      server.close();
    });
    const olderSecure = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const tls = `tls.ca = "${ca}"`;
    const pools = {
      plain: poolToml("plain", [backends.plain.address], 'http.version = "2"'),
      secure: poolToml("secure", [backends.secure.address], `http.version = "2"\n${tls}`),
      auto: poolToml("auto", [backends.secure.address], `http.version = "auto"\n${tls}`),
      older: poolToml("older", [olderSecure], `http.version = "auto"\n${tls}`),
      few: poolToml("few", [backends.few.address], 'http.version = "2"'),
      wrong: poolToml("wrong", [older.address], 'http.version = "2"'),
      "wrong-alpn": poolToml("wrong-alpn", [olderSecure], `http.version = "2"\n${tls}`),
    };
    umay = resources.use(
      await startUmay(`
        workers = 1
        log.level = "debug"
        admin.bind = "127.0.0.1:0"
        [listeners.one]
        bind = "127.0.0.1:0"
        mode = "http"
        [listeners.two]
        bind = "127.0.0.1:0"
        mode = "http"
        http.versions = ["2"]
        ${Object.entries(pools)
          .map(([name, toml]) => `[routes.${name}]\nhosts = ["${name}.test"]\npool = "${name}"\n${toml}`)
          .join("\n")}`),
    );
  });
  after(() => resources.disposeAsync());

  async function session(): Promise<ClientHttp2Session & Disposable> {
    const client = connect(`http://127.0.0.1:${umay.port("two")}`);
    client.on("error", () => {});
    await soon(once(client, "connect"), "a connection");
    return Object.assign(client, { [Symbol.dispose]: () => client.destroy() });
  }

  const get = (client: ClientHttp2Session, host: string, path: string): Promise<Outcome> =>
    outcomeOf(client.request({ ":authority": `${host}.test`, ":path": path, te: "trailers" }));

  async function getOld(host: string, path: string, rest = ""): Promise<[number, string]> {
    using client = await HttpClient.connect(umay.port("one"));
    client.write(`GET ${path} HTTP/1.1\r\nHost: ${host}.test\r\n${rest}\r\n`);
    const { status, body } = await client.response();
    return [status, body.toString()];
  }

  for (const host of ["plain", "secure", "auto"] as const)
    test(`100 requests at a time share one connection (${host})`, async () => {
      const { sessions } = host === "plain" ? backends.plain : backends.secure;
      const before = sessions.length;
      using client = await session();
      const paths = Array.from({ length: 100 }, (_, index) => `/${host}/${index}`);
      const outcomes = await Promise.all(paths.map((path) => get(client, host, path)));
      assert.deepEqual(
        outcomes.map(({ body }) => body.toString()),
        paths,
      );
      assert.deepEqual(await getOld(host, "/old"), [200, "/old"]);
      assert.equal(sessions.length - before, 1);
    });

  test("a backend behind TLS that chooses HTTP/1.1 gets it, at once and later", async () => {
    using client = await session();
    const outcomes = await Promise.all(["/1", "/2", "/3"].map((path) => get(client, "older", path)));
    assert.deepEqual(
      outcomes.map(({ status, body }) => `${status} ${body}`),
      ["200 /1", "200 /2", "200 /3"],
    );
    assert.deepEqual(await getOld("older", "/4"), [200, "/4"]);
  });

  test("a backend that takes few streams gets more connections instead of more streams", async () => {
    using client = await session();
    const paths = Array.from({ length: 40 }, (_, index) => `/${index}`);
    const outcomes = await Promise.all(paths.map((path) => get(client, "few", path)));
    assert.deepEqual(
      outcomes.map(({ body }) => body.toString()),
      paths,
    );
    const { sessions, seen } = backends.few;
    assert.equal(seen.length, 40);
    assert.ok(sessions.length > 1 && sessions.length <= 11, `${sessions.length} connections`);
  });

  test("bodies larger than the windows pass both ways, beside each other", async () => {
    using client = await session();
    const [down, up] = await Promise.all([
      get(client, "secure", "/large"),
      (async () => {
        const stream = client.request({ ":method": "POST", ":authority": "plain.test", ":path": "/upload" });
        stream.end(large);
        return await outcomeOf(stream);
      })(),
    ]);
    assert.ok(down.isWhole && down.body.equals(large));
    assert.equal(up.body.toString(), String(large.length));
    assert.equal((await getOld("plain", "/large"))[1].length, large.length);
  });

  test("a client of HTTP/1.1 uploads in chunks, and gets trailers", async () => {
    using client = await HttpClient.connect(umay.port("one"));
    client.write("POST /upload HTTP/1.1\r\nHost: plain.test\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.write("5\r\nhello\r\n");
    client.write("6\r\n world\r\n0\r\n\r\n");
    assert.equal((await client.response()).body.toString(), "11");
    using two = await session();
    assert.equal((await get(two, "plain", "/trailers")).trailers, "0");
  });

  test("a client that does not read one answer gets others over the same connection meanwhile", async () => {
    using client = await session();
    const slow = client.request({ ":authority": "plain.test", ":path": "/large" });
    await soon(once(slow, "response"), "a head");
    for (let count = 0; count < 20; count++)
      assert.equal((await get(client, "plain", `/${count}`)).body.toString(), `/${count}`);
    const { body, isWhole } = await outcomeOf(slow);
    assert.ok(isWhole && body.equals(large));
  });

  test("the scheme is that of the connection, 204 has no body, hints pass, and a body that dies is an error", async () => {
    using client = await session();
    for (const [host, scheme] of [
      ["plain", "http"],
      ["secure", "https"],
    ] as const) {
      await get(client, host, "/scheme");
      const seen = (host === "plain" ? backends.plain : backends.secure).seen.at(-1)!;
      assert.equal(seen[":scheme"], scheme);
      assert.equal(seen[":authority"], `${host}.test`);
    }
    assert.equal((await get(client, "plain", "/head")).status, 204);
    assert.equal((await get(client, "plain", "/hints")).body.toString(), "late");
    const half = client.request({ ":authority": "plain.test", ":path": "/dies" });
    const outcome = outcomeOf(half);
    await soon(once(half, "data"), "the begin of a body");
    dying.pop()!.destroy(new Error("it dies"));
    const died = await outcome;
    const line = await umay.logged(({ path }) => path === "/dies");
    assert.deepEqual([died.status, died.isWhole], [200, false]);
    assert.equal(line["reason"], "backend_closed");
  });

  test("a request that backends refuse is sent up to five times more, whatever its method, and answered with 503", async () => {
    const { status, body } = await (async () => {
      using client = await session();
      const stream = client.request({ ":method": "POST", ":authority": "plain.test", ":path": "/refused" });
      stream.end("body");
      return await outcomeOf(stream);
    })();
    assert.equal(status, 503);
    assert.match(body.toString(), /backend_refused/);
    const times = backends.plain.seen.filter((head) => head[":path"] === "/refused").length;
    assert.ok(times > 2 && times <= 6, `it was sent ${times} times`);
    const line = await umay.logged(({ path }) => path === "/refused");
    assert.equal((line["attempts"] as unknown[]).length, times);
  });

  test("a call of gRPC ends with its caller's deadline, though the backend says nothing", async () => {
    using client = await session();
    const stream = client.request({
      ":method": "POST",
      ":authority": "plain.test",
      ":path": "/silent",
      "content-type": "application/grpc",
      "grpc-timeout": "50m",
      te: "trailers",
    });
    stream.end("x");
    const [head] = await soon(once(stream, "response"), "an answer");
    stream.close();
    assert.deepEqual([head[":status"], head["grpc-status"]], [200, "4"]);
    const silent = dying.pop()!;
    assert.equal(silent.sentHeaders?.[":status"], undefined);
    const line = await umay.logged(({ path }) => path === "/silent");
    assert.equal(line["reason"], "request_timeout_backend");
  });

  test("a backend that does not speak HTTP/2 is not connected, and the log says why", async () => {
    for (const host of ["wrong", "wrong-alpn"]) {
      assert.equal((await getOld(host, `/${host}`))[0], 503);
      const line = await umay.logged(({ path }) => path === `/${host}`);
      assert.equal(line["reason"], "connect_failed");
      assert.match(
        JSON.stringify(line["attempts"]),
        host === "wrong" ? /first bytes/ : /APPLICATION_PROTOCOL/,
      );
    }
    assert.equal(older.seen.length, 0);
  });

  test("behind GOAWAY requests under way end well, and new ones go over another connection", async () => {
    const { plain } = backends;
    using client = await session();
    await get(client, "plain", "/before");
    const slow = client.request({ ":authority": "plain.test", ":path": "/large" });
    await soon(once(slow, "response"), "a head");
    const last = plain.sessions.at(-1)!;
    const count = plain.sessions.length;
    last.close();
    assert.equal((await get(client, "plain", "/after")).body.toString(), "/after");
    while (plain.sessions.length === count) await get(client, "plain", "/again");
    const { body, isWhole } = await outcomeOf(slow);
    assert.ok(isWhole && body.equals(large));
  });

  test("a backend that is lost is an error for those under way, and connected anew for the next", async () => {
    const { plain } = backends;
    using client = await session();
    const slow = client.request({ ":authority": "plain.test", ":path": "/large" });
    await soon(once(slow, "response"), "a head");
    plain.sessions.at(-1)!.destroy();
    assert.equal((await outcomeOf(slow)).isWhole, false);
    assert.equal((await get(client, "plain", "/anew")).body.toString(), "/anew");
  });

  test("the metrics of a backend tell of its connections, requests, resets and GOAWAYs", async () => {
    const { plain } = backends;
    const backend = { backend: plain.address, pool: "plain" };
    const read = async (...names: readonly string[]): Promise<number[]> =>
      Promise.all(names.map((name) => umay.metric(`umay_backend_http2_${name}`, backend)));
    using client = await session();
    await get(client, "plain", "/first");
    const [goAways = 0, resets = 0] = await read("goaways_total", "resets_total");
    dying.length = 0;
    const held = get(client, "plain", "/silent");
    while (dying.length === 0 || (await read("streams"))[0] !== 1) await sleep(20);
    assert.ok((await read("connections"))[0]! >= 1);
    dying.pop()!.close(constants.NGHTTP2_INTERNAL_ERROR);
    assert.equal((await held).status, 502);
    plain.sessions.at(-1)!.close();
    while ((await read("goaways_total"))[0] === goAways) await sleep(20);
    assert.ok((await read("resets_total"))[0]! > resets);
    while ((await read("streams"))[0] !== 0) await sleep(20);
  });
});
