import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { type ClientHttp2Session, connect, constants } from "node:http2";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { testCertificates } from "../support/certificates.ts";
import { connectPlain, poolToml } from "../support/client.ts";
import { closed, type Outcome, outcomeOf } from "../support/http2-outcome.ts";
import { soon } from "../support/peer.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";
import { NodeServer } from "../support/web-servers.ts";

const large = Buffer.alloc(4 * 2 ** 20, "umay");

const get = (client: ClientHttp2Session, path: string): Promise<Outcome> =>
  outcomeOf(client.request({ ":path": path, te: "trailers" }));

describe("clients that speak HTTP/2", () => {
  const resources = new AsyncDisposableStack();
  let umay: RunningUmay;
  let backend: NodeServer;
  /** Requests that wait at the backend until somebody lets them go on. */
  const held = new Set<() => void>();

  before(async () => {
    backend = resources.use(
      await NodeServer.start((response, { url = "" }, body) => {
        if (url === "/large") response.end(large);
        else if (url === "/dies") {
          response.writeHead(200, { "content-length": 100_000 });
          response.write("x".repeat(1_000), () => response.socket!.resetAndDestroy());
        } else if (url === "/trailers") {
          response.writeHead(200, { trailer: "grpc-status" });
          response.write("message");
          response.addTrailers({ "grpc-status": "0" });
          response.end();
        } else if (url.startsWith("/held")) held.add(() => response.end(url));
        else response.end(body > 0 ? String(body) : url);
      }),
    );
    const { ecdsa } = await testCertificates();
    umay = resources.use(
      await startUmay(`
        workers = 1
        log.level = "debug"
        admin.bind = "127.0.0.1:0"
        [listeners.web]
        bind = "127.0.0.1:0"
        mode = "http"
        pool = "app"
        tls.certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }]
        [listeners.plain]
        bind = "127.0.0.1:0"
        mode = "http"
        pool = "app"
        http.versions = ["2"]
        max_requests_per_connection = 3
        [listeners.free]
        bind = "127.0.0.1:0"
        mode = "http"
        pool = "app"
        http.versions = ["2"]
        http2.resets.rate = "1/h"
        ${poolToml("app", [backend.address])}`),
    );
  });
  after(() => resources.disposeAsync());

  async function session(listener: string): Promise<ClientHttp2Session & Disposable> {
    const scheme = listener === "web" ? "https" : "http";
    const client = connect(`${scheme}://127.0.0.1:${umay.port(listener)}`, { rejectUnauthorized: false });
    client.on("error", () => {});
    await soon(once(client, "connect"), "a connection");
    return Object.assign(client, { [Symbol.dispose]: () => client.destroy() });
  }

  for (const listener of ["web", "free"])
    test(`100 requests at a time get their own answers (${listener})`, async () => {
      using client = await session(listener);
      const paths = Array.from({ length: 100 }, (_, index) => `/${listener}/${index}`);
      const outcomes = await Promise.all(paths.map((path) => get(client, path)));
      assert.deepEqual(
        outcomes.map(({ body }) => body.toString()),
        paths,
      );
      assert.ok(outcomes.every(({ status, isWhole }) => status === 200 && isWhole));
    });

  test("uploads larger than the windows arrive whole, beside each other", async () => {
    using client = await session("web");
    const outcomes = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const stream = client.request({ ":method": "POST", ":path": "/upload" });
        stream.end(large);
        return await outcomeOf(stream);
      }),
    );
    for (const { body } of outcomes) assert.equal(body.toString(), String(large.length));
  });

  test("a client that does not read one answer gets others meanwhile, and that one whole later", async () => {
    using client = await session("free");
    const slow = client.request({ ":path": "/large" });
    await soon(once(slow, "response"), "a head");
    for (let count = 0; count < 20; count++)
      assert.equal((await get(client, `/${count}`)).body.toString(), `/${count}`);
    const { body, isWhole } = await outcomeOf(slow);
    assert.ok(isWhole);
    assert.ok(body.equals(large));
  });

  test("a backend that is reset within its answer makes an error of the stream, not an end", async () => {
    using client = await session("web");
    const { status, isWhole, code, body } = await get(client, "/dies");
    assert.deepEqual({ status, isWhole, code }, { status: 200, isWhole: false, code: 2 });
    assert.ok(body.length <= 1_000);
    // The connection goes on.
    assert.equal((await get(client, "/after")).body.toString(), "/after");
  });

  test("trailers of a backend reach clients that take them", async () => {
    using client = await session("web");
    assert.equal((await get(client, "/trailers")).trailers, "0");
  });

  test("curl agrees on HTTP/2, and the log says so", async () => {
    const url = `https://127.0.0.1:${umay.port("web")}/by-curl`;
    const { stdout } = await promisify(execFile)("curl", ["-sk", "--http2", "-w", " %{http_version}", url]);
    assert.equal(stdout, "/by-curl 2");
    const line = await umay.logged(({ path }) => path === "/by-curl");
    assert.equal(line["protocol"], "HTTP/2");
    const older = await promisify(execFile)("curl", ["-sk", "--http1.1", "-w", " %{http_version}", url]);
    assert.equal(older.stdout, "/by-curl 1.1");
  });

  test("requests that are taken back as soon as they are made reach backends 100 times at most", async () => {
    const before = held.size;
    const client = await session("free");
    let away: number | undefined;
    client.on("goaway", (code) => {
      away = code;
    });
    const end = closed(client);
    for (let count = 0; count < 400 && !client.destroyed && !client.closed; count++) {
      const stream = client.request({ ":path": "/held" });
      stream.on("error", () => {});
      await new Promise(setImmediate);
      stream.close(constants.NGHTTP2_CANCEL);
    }
    await soon(end, "the end of the connection");
    assert.equal(away, constants.NGHTTP2_ENHANCE_YOUR_CALM);
    assert.ok(held.size - before <= 100, `${held.size - before} requests reached the backend`);
    const line = await umay.logged(({ reason }) => reason === "http2_error");
    assert.match(line["http_error"] as string, /^ENHANCE_YOUR_CALM: /);
  });

  test("the last request of a connection is answered behind GOAWAY", async () => {
    using client = await session("plain");
    const away = once(client, "goaway");
    const answers = ["/1", "/2", "/3"].map((path) => get(client, path));
    for (const [index, { body }] of (await Promise.all(answers)).entries())
      assert.equal(body.toString(), `/${index + 1}`);
    assert.equal((await soon(away, "GOAWAY"))[0], 0);
    await soon(closed(client), "the end of the connection");
  });

  test("a client that speaks something else gets no answer of HTTP/1", async () => {
    using client = await connectPlain(umay.port("free"));
    client.end("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const answer = await client.readToEnd();
    assert.doesNotMatch(answer.toString("latin1"), /HTTP\/1/);
    assert.match(answer.toString("latin1"), /no HTTP\/2 preface$/);
  });

  test("at the end a client is told, and gets the answers that it waits for", async () => {
    using client = await session("web");
    const away = once(client, "goaway");
    held.clear();
    const last = get(client, "/held/last");
    while (held.size === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    umay.signal("SIGTERM");
    await soon(away, "GOAWAY");
    for (const goOn of held) goOn();
    const { body, isWhole } = await last;
    assert.deepEqual([body.toString(), isWhole], ["/held/last", true]);
    assert.equal(await soon(umay.exited, "the end of umay"), 0);
  });
});
