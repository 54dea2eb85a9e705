import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer as createHttp2Server, createSecureServer, type ServerHttp2Stream } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { test } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import type { CheckTarget, HealthCheck } from "../../src/health/check.ts";
import { checkedTarget, createCheck } from "../../src/health/registry.ts";
import type { SocketAddress } from "../../src/lib/address.ts";
import { framed } from "../../src/lib/grpc-message.ts";
import type { CheckSpec, GrpcCheckSpec, HttpCheckSpec } from "../../src/model/health.ts";
import type { PoolTls } from "../../src/model/pool.ts";
import { testCertificates } from "../support/certificates.ts";
import { freePorts } from "../support/free-ports.ts";
import { authorities } from "../support/material.ts";
import { patient } from "../support/patience.ts";
import { timing } from "./timing.ts";

const certificates = await testCertificates();
const ca = readFileSync(certificates.ca, "utf8");
const read = ({ cert, key }: { cert: string; key: string }) => ({
  cert: readFileSync(cert),
  key: readFileSync(key),
});

const verified: PoolTls = {
  verify: true,
  ca: authorities(ca),
  serverName: undefined,
  certificate: undefined,
  alpn: [],
};
const http: HttpCheckSpec = {
  ...timing,
  type: "http",
  version: "1.1",
  tls: undefined,
  method: "GET",
  path: "/healthz?full",
  host: undefined,
  expectStatus: [
    { from: 200, to: 200 },
    { from: 204, to: 206 },
  ],
  expectBody: undefined,
};
const grpc: GrpcCheckSpec = { ...timing, type: "grpc", tls: undefined, service: "", host: undefined };

class TestServer implements AsyncDisposable {
  readonly target: SocketAddress;
  /** Connections that are open. */
  readonly sockets: Set<Socket>;
  readonly #server: Server;

  constructor(server: Server, sockets: Set<Socket>) {
    this.target = { kind: "tcp", host: "127.0.0.1", port: (server.address() as AddressInfo).port };
    this.sockets = sockets;
    this.#server = server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

async function start(server: Server): Promise<TestServer> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return new TestServer(server, sockets);
}

/** @returns "passed", or why not. */
function outcome(
  spec: CheckSpec,
  target: SocketAddress,
  timeout = 5_000,
  named: { hostName?: string } = {},
): Promise<string> {
  return runOnce(createCheck(spec), { target, ...named }, timeout);
}

function runOnce(check: HealthCheck, target: CheckTarget, timeout = 5_000): Promise<string> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      cancel();
      resolve("no answer in time");
    }, patient(timeout));
    const cancel = check.check(target, (failure) => {
      clearTimeout(timer);
      resolve(failure === undefined ? "passed" : failure.message);
    });
  });
}

const every: readonly CheckSpec[] = [
  { ...timing, type: "tcp" },
  { ...timing, type: "tls", tls: verified },
  http,
  { ...http, tls: verified },
  grpc,
  { ...grpc, tls: verified },
];
const nameOf = (spec: CheckSpec): string =>
  spec.type !== "tls" && "tls" in spec && spec.tls ? `${spec.type} over TLS` : spec.type;

for (const spec of every) {
  test(`${nameOf(spec)}: fails where nothing listens, and says so`, async () => {
    const [port] = await freePorts(1);
    assert.match(await outcome(spec, { kind: "tcp", host: "127.0.0.1", port: port! }), /ECONNREFUSED/);
    assert.match(await outcome(spec, { kind: "unix", path: "/nowhere/there.sock" }), /ENOENT/);
  });

  test(`${nameOf(spec)}: tries every address of a host, and names each fault where none can be connected`, async () => {
    const seen = Promise.withResolvers<string>();
    await using server = await start(createServer((socket) => seen.resolve(socket.localAddress!)));
    const check = createCheck(spec);
    const { port } = server.target as SocketAddress & { kind: "tcp" };
    const target = { kind: "tcp", host: "127.0.0.2", port } as const;
    const failed = await runOnce(check, { target, others: ["127.0.0.3"] });
    assert.match(failed, /ECONNREFUSED 127\.0\.0\.2:\d+.*; .*ECONNREFUSED 127\.0\.0\.3:/);
    const stop = check.check({ target, others: ["127.0.0.1"] }, () => {});
    assert.equal(await seen.promise, "127.0.0.1");
    stop();
  });

  test(`${nameOf(spec)}: ends at once when it is told to, without a result, and leaves no connection`, async () => {
    const closed = Promise.withResolvers<void>();
    const accepted = Promise.withResolvers<void>();
    await using server = await start(
      createServer((socket) => {
        socket.once("close", () => closed.resolve()).resume();
        accepted.resolve();
      }),
    );
    const check = createCheck(spec);
    const stop = check.check(server, () => assert.fail("it is over"));
    if (spec.type !== "tcp") await accepted.promise;
    stop();
    check.check(server, () => assert.fail("it is over"))();
    if (spec.type !== "tcp") await closed.promise;
  });

  test(`${nameOf(spec)}: ${spec.type === "tcp" ? "is content with" : "fails on"} a server that accepts and hangs`, async () => {
    await using server = await start(createServer());
    assert.equal(
      await outcome(spec, server.target, spec.type === "tcp" ? undefined : 100),
      spec.type === "tcp" ? "passed" : "no answer in time",
    );
  });

  if (spec.type === "tcp") continue;

  test(`${nameOf(spec)}: fails on a server that closes, resets or talks nonsense`, async () => {
    for (const deed of [
      (socket: Socket) => socket.end(),
      (socket: Socket) => socket.resetAndDestroy(),
      (socket: Socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n".repeat(5)),
    ]) {
      await using server = await start(createServer(deed));
      assert.notEqual(await outcome(spec, server.target), "passed");
      assert.notEqual(await outcome(spec, server.target), "no answer in time");
    }
  });
}

/** A server for a check that speaks TLS, with a good answer. */
function secureServer(spec: CheckSpec, pair: { cert: string; key: string }): Server {
  if (spec.type === "http") return createHttpsServer(read(pair), (_, response) => response.end());
  if (spec.type === "grpc") {
    const server = createSecureServer(read(pair));
    server.on("stream", (stream: ServerHttp2Stream) => answerGrpc(stream, framed(Buffer.from([8, 1]))));
    return server;
  }
  return createTlsServer(read(pair));
}

for (const spec of every.filter((each) => "tls" in each && each.tls)) {
  const withTls = (tls: Partial<PoolTls>): CheckSpec =>
    ({ ...spec, tls: { ...verified, ...tls } }) as CheckSpec;

  test(`${nameOf(spec)}: passes with a certificate that is good, for the address or for the name that is verified`, async () => {
    await using server = await start(secureServer(spec, certificates.ecdsa));
    assert.equal(await outcome(spec, server.target), "passed");
    assert.equal(await outcome(withTls({ serverName: "localhost" }), server.target), "passed");
  });

  test(`${nameOf(spec)}: fails on a certificate that has expired, is not trusted or has another name, unless it is not verified`, async () => {
    await using expired = await start(secureServer(spec, certificates.expired));
    assert.match(await outcome(spec, expired.target), /certificate has expired/);
    await using server = await start(secureServer(spec, certificates.otherName));
    assert.match(await outcome(spec, server.target), /127\.0\.0\.1/);
    assert.match(await outcome(withTls({ serverName: "localhost" }), server.target), /localhost/);
    assert.equal(await outcome(withTls({ serverName: "www.other.test" }), server.target), "passed");
    assert.equal(await outcome(spec, server.target, 5_000, { hostName: "www.other.test" }), "passed");
    assert.match(await outcome(withTls({ ca: undefined }), server.target), /certificate/);
    assert.equal(await outcome(withTls({ ca: undefined, verify: false }), expired.target), "passed");
  });
}

async function httpOutcome(answer: RequestListener, settings: Partial<HttpCheckSpec> = {}): Promise<string> {
  await using server = await start(createHttpServer(answer));
  return await outcome({ ...http, ...settings }, server.target, 1_000);
}

test("a PROXY header of the proxy's own comes before all else, TLS included", async () => {
  const v2 = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
  for (const [spec, expected] of [
    [{ ...http, proxyProtocol: "v1" }, "PROXY UNKNOWN\r\nGET /healthz"],
    [{ ...http, proxyProtocol: "v2" }, `${v2}GET /healthz`],
    [{ ...http, tls: verified, proxyProtocol: "v2" }, `${v2}\x16\x03`],
  ] as const) {
    const first = Promise.withResolvers<string>();
    await using server = await start(
      createServer((socket) => {
        let seen = "";
        socket.setEncoding("latin1").on("data", (text) => {
          seen += text;
          if (seen.length >= expected.length) first.resolve(seen.slice(0, expected.length));
        });
      }),
    );
    const stop = createCheck(spec).check(server, () => {});
    assert.equal(await first.promise, expected);
    stop();
  }
});

test("http: sends the request that is configured", async () => {
  const seen: string[] = [];
  const answer: RequestListener = (request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.host?.replace(/:.*/, "")}`);
    assert.match(request.headers["user-agent"]!, /^umay\/.* health check$/);
    response.end();
  };
  assert.equal(await httpOutcome(answer), "passed");
  assert.equal(await httpOutcome(answer, { method: "HEAD", host: "api.test" }), "passed");
  assert.deepEqual(seen, ["GET /healthz?full 127.0.0.1", "HEAD /healthz?full api.test"]);
});

test("http: both ends of a range of statuses pass, the next ones fail", async () => {
  for (const [status, expected] of [
    [200, "passed"],
    [201, "status 201, expected 200, 204-206"],
    [203, "status 203, expected 200, 204-206"],
    [204, "passed"],
    [206, "passed"],
    [301, "status 301, expected 200, 204-206"],
    [503, "status 503, expected 200, 204-206"],
  ] as const)
    assert.equal(await httpOutcome((_, response) => response.writeHead(status).end()), expected);
});

test("http: what is wrong with an answer is said, as it would be of an answer to a client", async () => {
  const ok = "HTTP/1.1 200 OK\r\n";
  for (const [answer, expected] of [
    ["SSH-2.0-x\r\n", "the answer has a malformed status line"],
    [
      `${ok}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
      /both Content-Length and Transfer-Encoding$/,
    ],
    [`${ok}no colon\r\n\r\n`, /^the answer has a blank/],
    ["HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", /was not asked for$/],
    ["HTTP/1.1 103 x\r\n\r\n".repeat(9), /too many interim responses/],
    [`${ok}x: ${"x".repeat(70_000)}`, /^the answer has a head that is too large$/],
    [`${ok}\r\n${"x".repeat(1_100_000)}`, /^the body does not contain|longer than 1048576 bytes$/],
  ] as const) {
    await using server = await start(createServer((socket) => socket.end(answer)));
    const told = await outcome({ ...http, expectBody: "umay" }, server.target);
    if (typeof expected === "string") assert.equal(told, expected);
    else assert.match(told, expected);
  }
});

test("http: a backend of HTTP/2 is asked in HTTP/2, where its pool says so or TLS agrees on it", async () => {
  const answer = (stream: ServerHttp2Stream, headers: Record<string, unknown>): void => {
    stream.respond({ ":status": 200 });
    stream.end(`${headers[":method"]} ${headers[":scheme"]} ${headers[":path"]} ok`);
  };
  await using plain = await start(createHttp2Server().on("stream", answer));
  const wants = { version: "2", expectBody: "GET http /healthz?full ok" } as const;
  assert.equal(await outcome({ ...http, ...wants }, plain.target), "passed");
  assert.equal(
    await outcome({ ...http, ...wants, expectBody: "no" }, plain.target),
    'the body does not contain "no"',
  );
  assert.notEqual(await outcome({ ...http, version: "auto" }, plain.target, 300), "passed");
  const pair = read(certificates.ecdsa);
  await using secure = await start(createSecureServer(pair).on("stream", answer));
  await using older = await start(createHttpsServer(pair, (_, response) => response.end("old ok")));
  for (const [server, version, expectBody] of [
    [secure, "auto", "GET https /healthz?full ok"],
    [secure, "2", "GET https /healthz?full ok"],
    [older, "auto", "old ok"],
    [older, "1.1", "old ok"],
  ] as const)
    assert.equal(
      await outcome({ ...http, tls: verified, version, expectBody }, server.target),
      "passed",
      version,
    );
});

test("http: the body is searched as it comes, also across chunks, and no further than needed", async () => {
  const wants = { expectBody: '"ok": true' };
  assert.equal(await httpOutcome((_, response) => response.end('{"ok": true}'), wants), "passed");
  // Never ends.
  const split: RequestListener = (_, response) => {
    response.write('{"ok":');
    setTimeout(() => response.write(" true"), 20);
  };
  assert.equal(await httpOutcome(split, wants), "passed");
  const lacking = 'the body does not contain "\\"ok\\": true"';
  assert.equal(await httpOutcome((_, response) => response.end('{"ok": false}'), wants), lacking);
  assert.equal(
    await httpOutcome((_, response) => response.end(`${"x".repeat(70_000)}"ok": true`), wants),
    `${lacking} in its first 64 Ki characters`,
  );
  const truncated: RequestListener = (_, response) => {
    response.writeHead(200, { "content-length": 100 });
    response.write('{"ok":');
    setTimeout(() => response.destroy(), 20);
  };
  assert.equal(await httpOutcome(truncated, wants), `${lacking}, and was cut short`);
});

test("http: a header that is cut short fails, one that drips is waited for no longer than the timeout", async () => {
  await using truncated = await start(createServer((socket) => socket.end("HTTP/1.1 200 OK\r\nContent-")));
  assert.match(await outcome(http, truncated.target), /closed|hang up|Parse Error/);
  await using slow = await start(
    createServer((socket) => {
      socket.write("HTTP/1.1 200 OK\r\nX: ");
      const timer = setInterval(() => socket.write("x"), 10);
      socket.once("close", () => clearInterval(timer));
    }),
  );
  assert.equal(await outcome(http, slow.target, 100), "no answer in time");
});

function answerGrpc(stream: ServerHttp2Stream, body: Buffer, status = "0", message?: string): void {
  stream.on("error", () => {});
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () =>
    stream.sendTrailers({ "grpc-status": status, ...(message !== undefined && { "grpc-message": message }) }),
  );
  stream.end(body);
}

async function grpcOutcome(
  answer: (stream: ServerHttp2Stream, question: Buffer, path: string) => void,
  settings: Partial<GrpcCheckSpec> = {},
): Promise<string> {
  const server = createHttp2Server();
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () =>
      answer(stream, Buffer.concat(chunks), `${headers[":authority"]}${headers[":path"]}`),
    );
  });
  await using running = await start(server);
  return await outcome({ ...grpc, ...settings }, running.target, 1_000);
}

test("grpc: asks for the service that is configured and passes when it is serving", async () => {
  const questions: string[] = [];
  const answer = (stream: ServerHttp2Stream, question: Buffer, path: string): void => {
    questions.push(`${path} ${question.toString("latin1")}`);
    answerGrpc(stream, framed(Buffer.from([8, 1])));
  };
  assert.equal(await grpcOutcome(answer, { host: "a" }), "passed");
  assert.equal(await grpcOutcome(answer, { host: "b", service: "echo.Echo" }), "passed");
  assert.deepEqual(questions, [
    "a/grpc.health.v1.Health/Check \0\0\0\0\0",
    "b/grpc.health.v1.Health/Check \0\0\0\0\x0b\n\techo.Echo",
  ]);
});

test("grpc: every answer but SERVING fails with its cause", async () => {
  const answers: readonly [Buffer, RegExp][] = [
    [framed(Buffer.from([8, 2])), /^NOT_SERVING, expected SERVING$/],
    [framed(Buffer.from([8, 3])), /^SERVICE_UNKNOWN/],
    [framed(Buffer.alloc(0)), /^UNKNOWN/],
    [framed(Buffer.from([8, 9])), /^serving status 9/],
    [framed(Buffer.from([16, 1])), /no HealthCheckResponse/],
    [framed(Buffer.from([8, 1])).subarray(0, 6), /no HealthCheckResponse/],
    [Buffer.alloc(0), /no HealthCheckResponse/],
    [Buffer.alloc(5_000), /longer than 1024 bytes/],
  ];
  for (const [body, expected] of answers)
    assert.match(await grpcOutcome((stream) => answerGrpc(stream, body)), expected);
  const unknown = (stream: ServerHttp2Stream): void =>
    answerGrpc(stream, Buffer.alloc(0), "5", "unknown service");
  assert.equal(await grpcOutcome(unknown), "grpc-status 5: unknown service, expected 0");
  const trailersOnly = (stream: ServerHttp2Stream): void =>
    stream.respond({ ":status": 200, "grpc-status": "12" }, { endStream: true });
  assert.equal(await grpcOutcome(trailersOnly), "grpc-status 12, expected 0");
  const notFound = (stream: ServerHttp2Stream): void =>
    stream.respond({ ":status": 404 }, { endStream: true });
  assert.equal(await grpcOutcome(notFound), "HTTP status 404, expected 200");
  // Says SERVING, but never that this is all.
  const cut = (stream: ServerHttp2Stream): void => {
    stream.on("error", () => {});
    stream.respond({ ":status": 200 });
    stream.write(framed(Buffer.from([8, 1])), () => stream.close(2));
  };
  assert.match(await grpcOutcome(cut), /INTERNAL_ERROR|^grpc-status none/);
});

test("another address or port may be checked than the one that sessions go to; the name stays", () => {
  const tcp: CheckSpec = { ...timing, type: "tcp" };
  const own: SocketAddress = { kind: "tcp", host: "10.0.0.1", port: 80 };
  const unix: SocketAddress = { kind: "unix", path: "/run/a.sock" };
  const checked = (settings: Partial<CheckSpec>, target: SocketAddress): SocketAddress =>
    checkedTarget({ ...tcp, ...settings } as CheckSpec, { target }).target;
  assert.deepEqual(checked({}, unix), unix);
  assert.deepEqual(checked({}, own), own);
  assert.deepEqual(checked({ port: 81 }, own), { ...own, port: 81 });
  assert.deepEqual(checked({ address: "::1" }, own), { ...own, host: "::1" });
  assert.deepEqual(checked({ port: 81 }, unix), unix);
  const both = { address: "10.0.0.2", port: 81 };
  assert.deepEqual(checked(both, unix), { kind: "tcp", host: "10.0.0.2", port: 81 });
  assert.equal(checkedTarget({ ...tcp, port: 81 }, { target: own, hostName: "db" }).hostName, "db");
});
