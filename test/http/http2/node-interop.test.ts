import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect as connectHttp2, createServer, type IncomingHttpHeaders } from "node:http2";
import { type AddressInfo, connect } from "node:net";
import { after, test } from "node:test";
import { ClientConnection } from "../../../src/http/http2/client-connection.ts";
import { backendSideLimits } from "../../../src/http/http2/limits.ts";
import {
  attach,
  listOf,
  Owner,
  pairsOf,
  type RequestRecorder,
  ResponseRecorder,
  requestHead,
  responseHead,
  serve,
} from "./support.ts";

const sha = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
const large = Buffer.alloc(1_500_000, "0123456789abcdefg");

/** Answers with what was sent, in the order in which it came, with trailers. */
function echo(request: RequestRecorder): void {
  const { stream } = request;
  request.onReady = () => stream.resume();
  request.onEnd = () => stream.end(listOf({ "x-bytes": String(Buffer.concat(request.parts).length) }));
  request.body = (bytes, start, end, last) => {
    const part = Buffer.from(bytes.subarray(start, end));
    request.parts.push(part);
    const more = stream.body(part, 0, part.length, false);
    if (last) request.onEnd();
    return more;
  };
  stream.interim(responseHead(103, 0, listOf({ link: "</a>" })));
  stream.response(
    responseHead(200, -1, listOf({ "x-path": request.head!.path, "set-cookie": "a=b" })),
    false,
  );
}

test("Node's client and this server: many uploads at once come back, with interim answers and trailers", async () => {
  const server = await serve(echo);
  after(server.close);
  const client = connectHttp2(`http://127.0.0.1:${server.port}`, { maxSessionMemory: 100 });
  after(() => client.close());
  const one = async (index: number): Promise<void> => {
    const stream = client.request({ ":method": "POST", ":path": `/${index}`, cookie: ["a=1", "b=2"] });
    let early: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    let answer: IncomingHttpHeaders = {};
    stream.on("headers", (headers) => {
      early = headers;
    });
    stream.on("response", (headers) => {
      answer = headers;
    });
    stream.on("trailers", (headers) => {
      trailers = headers;
    });
    const body = large.subarray(0, index * 50_000);
    stream.end(body);
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    assert.equal(sha(Buffer.concat(chunks)), sha(body));
    assert.deepEqual([early[":status"], answer[":status"], answer["x-path"]], [103, 200, `/${index}`]);
    assert.equal(trailers["x-bytes"], String(body.length));
  };
  await Promise.all(Array.from({ length: 30 }, (_, index) => one(index)));
});

test("this client and Node's server: many uploads at once come back, with trailers", async () => {
  const server = createServer();
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    stream.additionalHeaders({ ":status": 103 });
    stream.respond({ ":status": 200, "x-path": headers[":path"] }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "1" }));
    stream.pipe(stream);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  await once(socket, "connect");
  after(() => {
    socket.destroy();
    server.close();
  });
  const client = attach(
    socket,
    new Owner(),
    (owner) => new ClientConnection(backendSideLimits, owner, performance.now()),
  );
  const one = async (index: number): Promise<void> => {
    const user = new ResponseRecorder();
    const done = new Promise<void>((resolve) => {
      user.onEnd = resolve;
    });
    const body = large.subarray(0, index * 50_000);
    const stream = client.request(
      requestHead({ method: "POST", path: `/${index}`, length: -1 }),
      false,
      user,
    );
    let at = 0;
    const sendOn = (): void => {
      while (at < body.length) {
        const start = at;
        at = Math.min(body.length, start + 20_000);
        if (!stream.body(body, start, at, false)) return;
      }
      stream.end(undefined);
    };
    user.onReady = sendOn;
    sendOn();
    await done;
    assert.equal(sha(Buffer.concat(user.parts)), sha(body));
    assert.deepEqual([user.interims, user.head!.status], [[103], 200]);
    assert.ok(pairsOf(user.head!.fields).includes(`x-path: /${index}`));
    assert.deepEqual(pairsOf(user.trailers!), ["x-sum: 1"]);
  };
  await Promise.all(Array.from({ length: 30 }, (_, index) => one(index)));
  assert.equal(client.count, 0);
});

/** @returns undefined where there is no such program. */
async function run(program: string, options: readonly string[]): Promise<string | undefined> {
  const child = spawn(program, options, { stdio: ["ignore", "pipe", "inherit"] });
  const found = once(child, "spawn").then(
    () => true,
    () => false,
  );
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  if (!(await found)) return undefined;
  await once(child, "close");
  return output;
}

const answerAtOnce = (request: RequestRecorder): void => {
  request.onEnd = () => {
    const body = Buffer.from("enough to take windows of a few bytes apart");
    request.stream.response(responseHead(200, body.length), true);
    request.stream.body(body, 0, body.length, true);
  };
};

test("h2spec finds nothing wrong with this server", { timeout: 120_000 }, async (context) => {
  const server = await serve(answerAtOnce);
  after(server.close);
  const output = await run("h2spec", ["-h", "127.0.0.1", "-p", String(server.port), "-o", "2", "-S"]);
  if (output === undefined) context.skip("h2spec is not installed");
  else assert.match(output, /(\d+) tests, \1 passed, 0 skipped, 0 failed/);
});

test("nghttp and this server understand each other", { timeout: 60_000 }, async (context) => {
  const server = await serve(answerAtOnce);
  after(server.close);
  const url = `http://127.0.0.1:${server.port}/`;
  const output = await run("nghttp", ["-v", url, url, "-m", "20"]);
  if (output === undefined) {
    context.skip("nghttp is not installed");
    return;
  }
  assert.equal(output.match(/recv \(stream_id=\d+\) :status: 200/g)?.length, 40);
  assert.doesNotMatch(output, /RST_STREAM|INVALID|error_code=(?!NO_ERROR)/);
});
