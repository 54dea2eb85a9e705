import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { createServer, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { poolToml } from "../support/client.ts";
import { HttpClient } from "../support/http-client.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";
import { NodeServer } from "../support/web-servers.ts";

/** Takes down every byte that it is sent, and answers what ends like a request. */
class Recorder implements AsyncDisposable {
  text = "";
  readonly #server = createServer((socket) => this.#serve(socket));
  readonly #sockets = new Set<Socket>();

  #serve(socket: Socket): void {
    let request = "";
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", (data) => {
      request += data.toString("latin1");
      if (!isWhole(request)) return;
      this.text += request;
      request = "";
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
  }

  async start(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const address = this.#server.address();
    return typeof address === "object" ? `127.0.0.1:${address!.port}` : "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

function isWhole(request: string): boolean {
  const head = request.indexOf("\r\n\r\n") + 4;
  if (head < 4) return false;
  if (/\r\ntransfer-encoding: chunked\r\n/i.test(request))
    return /\r\n0\r\n(?:.*\r\n)*\r\n$/.test(request.slice(head - 2));
  const [, length = 0] = /\r\ncontent-length: (\d+)\r\n/i.exec(request) ?? [];
  return request.length >= head + Number(length);
}

/** Lines of a head with which clients try to be somebody. */
const attempts: readonly (readonly string[])[] = [
  ["Remote-User: evil"],
  ["remote-user: evil"],
  ["REMOTE-USER: evil"],
  ["ReMoTe-UsEr: evil"],
  ["Remote-User: evil", "Remote-User: evil2"],
  ["Remote-User:evil"],
  ["Remote-User:\tevil"],
  ["Remote-User: evil, alice"],
  ["Remote-User: ", "Remote-User: evil"],
  ["Remote_User: evil"],
  ["remote_user: evil"],
  ["REMOTE_USER: evil"],
  ["Remote.User: evil"],
  ["Remote~User: evil"],
  ["Remote'User: evil"],
  ["Remote-User: evil", "Remote_User: evil"],
  ["Remote-Groups: evil"],
  ["remote_groups: evil"],
  ["Remote-Groups: evil", "Remote-User: evil"],
  ["Connection: Remote-User", "Remote-User: evil"],
  ["Connection: close, Remote-User", "Remote-User: evil"],
  ["Connection: keep-alive, remote-groups", "Remote-Groups: evil"],
  ["X-A: 1\r\n Remote-User: evil"],
  ["X-A: 1", " Remote-User: evil"],
  ["Remote-User : evil"],
  ["Remote-User\t: evil"],
  ["X-A: 1\nRemote-User: evil"],
  ["X-A: 1\rRemote-User: evil"],
  ["X-A: 1\0Remote-User: evil"],
  ["\u00a0Remote-User: evil"],
  ["Remote-User: evil", "Transfer-Encoding: chunked", "Trailer: Remote-User"],
  ["X-Forwarded-User: evil", "X-Remote-User: kept"],
  ["Cookie: s=1; Remote-User=evil"],
];

describe("nobody passes for somebody else", () => {
  const stack = new AsyncDisposableStack();
  const recorder = stack.use(new Recorder());
  let server: NodeServer;
  let umay: RunningUmay;

  before(async () => {
    const address = await recorder.start();
    server = stack.use(
      await NodeServer.start((response, { headers }) => {
        const { cookie = "", authorization } = headers;
        if (authorization === "refuse") response.writeHead(401, { "www-authenticate": "Sso" }).end("who?");
        else if (cookie.includes("s=good")) response.writeHead(200, { "remote-user": "alice" }).end();
        // As a server does that says nothing of guests.
        else response.end();
      }),
    );
    umay = stack.use(
      await startUmay(`
      workers = 2
      admin = { bind = "127.0.0.1:0" }
      [listeners.web]
      bind = "127.0.0.1:0"
      mode = "http"
      [listeners.lax]
      bind = "127.0.0.1:0"
      mode = "http"
      http.underscores = "pass"
      [listeners.second]
      bind = "127.0.0.1:0"
      mode = "http"
      http.versions = ["2"]
      [auth.sso]
      type = "forward"
      pool = "sso"
      path = "/verify"
      copy = ["Remote-User", "Remote-Groups"]
      [routes.guarded]
      path_prefix = "/guarded"
      auth = ["sso"]
      pool = "app"
      request_headers = { set = { x-user = "\${auth.user}" } }
      [routes.open]
      path_prefix = "/open"
      pool = "app"
      request_headers = { set = { x-said = "\${request.header.remote-user}" } }
      [routes.admin]
      headers = { remote-user = { contains = "evil" } }
      priority = 1
      respond = { body = "welcome, evil" }
      ${poolToml("app", [address])}
      ${poolToml("sso", [server.address])}`),
    );
  });
  after(() => stack.disposeAsync());

  for (const listener of ["web", "lax"])
    for (const path of ["/guarded", "/open"])
      test(`at ${listener}, ${path}: ${attempts.length} attempts over HTTP/1.1`, async () => {
        for (const lines of attempts) {
          const name = JSON.stringify(lines);
          recorder.text = "";
          using client = await HttpClient.connect(umay.port(listener));
          const isChunked = lines.some((line) => line.startsWith("Transfer"));
          const body = isChunked ? "1\r\nx\r\n0\r\nRemote-User: evil\r\nRemote_Groups: evil\r\n\r\n" : "";
          const te = isChunked ? "TE: trailers\r\nConnection: te\r\n" : "";
          client.write(`POST ${path} HTTP/1.1\r\nHost: a.test\r\n${te}${lines.join("\r\n")}\r\n\r\n${body}`);
          const response = await client.response("POST");
          assert.ok(response.status === 200 || response.status === 400, name);
          assert.notEqual(response.body.toString(), "welcome, evil", name);
          const reached = recorder.text.replace(/^(?:X-Forwarded-User|Cookie): .*$/gim, "");
          assert.doesNotMatch(reached, /evil/, name);
          assert.equal(recorder.text === "", response.status === 400, name);
        }
      });

  test("over HTTP/2, in fields and in trailers", async () => {
    const session = connectHttp2(`http://127.0.0.1:${umay.port("second")}`);
    for (const path of ["/guarded", "/open"])
      for (const fields of [
        { "remote-user": "evil" },
        { "remote-user": ["evil", "evil"] },
        { "remote-groups": "evil", "remote-user": "evil" },
        { "remote.user": "evil" },
      ]) {
        recorder.text = "";
        const stream = session.request(
          { ":method": "POST", ":path": path, te: "trailers", ...fields },
          { waitForTrailers: true, endStream: false },
        );
        stream.on("wantTrailers", () =>
          stream.sendTrailers({ "remote-user": "evil", "remote-groups": "evil" }),
        );
        stream.end("x");
        const [head] = (await once(stream, "response")) as [{ ":status": number }];
        stream.resume();
        assert.equal(head[":status"], 200);
        assert.match(recorder.text, /^POST /);
        assert.doesNotMatch(recorder.text, /evil/);
      }
    session.close();
    await once(session, "close");
  });

  test("and whoever is somebody is told to the backend", async () => {
    recorder.text = "";
    const headers = { cookie: "s=good" };
    const asked = server.seen.length;
    const url = `http://127.0.0.1:${umay.port("web")}/guarded/%41?b`;
    assert.equal((await fetch(url, { headers, method: "PUT", body: "x" })).status, 200);
    assert.match(recorder.text, /\r\nremote-user: alice\r\n/);
    assert.match(recorder.text, /\r\nx-user: alice\r\n/);
    const { method, target, headers: seen, body } = server.seen[asked]!;
    assert.deepEqual([method, target, body], ["GET", "/verify", 0]);
    assert.deepEqual([seen["x-forwarded-method"], seen["x-forwarded-uri"]], ["PUT", "/guarded/A?b"]);
    const refused = await fetch(url, { headers: { authorization: "refuse" } });
    assert.deepEqual(
      [refused.status, refused.headers.get("www-authenticate"), await refused.text()],
      [401, "Sso", "who?"],
    );
    assert.ok((await umay.metric("umay_auth_total", { auth: "sso", result: "refused" })) > 0);
  });
});
