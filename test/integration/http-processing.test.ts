import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, request as send } from "node:http";
import { connect, createServer as createHttp2Server, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { cluster, type EnvoyFile, envoyFile, httpFilter, typed } from "../support/envoy.ts";
import { answerTo, type Call, message, mutation, TestProcessor } from "../support/processor.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

/*
 * Processors (`ext_proc`) beside the program: bodies of any size, processors in a row, and those that fail in the middle. The
 * same requests are asked of Envoy in `envoy-comparison.test.ts`.
 */

interface Answer {
  readonly status: number;
  readonly fields: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly trailers: Readonly<Record<string, string | undefined>>;
  /** The answer was cut short. */
  readonly isCut: boolean;
}

const seen: { trailers: NodeJS.Dict<string>; body: string }[] = [];
const backend = createServer((asked, answer) => {
  if (asked.url === "/begun") {
    answer.writeHead(200, { "content-type": "text/plain" });
    answer.write("begun");
    return;
  }
  const parts: Buffer[] = [];
  asked.on("data", (part: Buffer) => parts.push(part));
  asked.on("end", () => {
    const body = Buffer.concat(parts);
    seen.push({ trailers: asked.trailers, body: body.toString() });
    answer.writeHead(200, { "x-order": asked.headers["x-order"] ?? "", trailer: "x-end" });
    answer.write(body);
    answer.addTrailers({ "x-end": "backend" });
    answer.end();
  });
});

/** Its answers never end. */
const endless = createHttp2Server();

/** Adds its name to `x-order` of requests and answers. */
const named = (name: string) =>
  TestProcessor.start(({ part, fields }) => {
    const before = fields.get("x-order") ?? "";
    return part < 4 ? answerTo(part, [2, mutation({ "x-order": before + name })]) : answerTo(part);
  });

/** Shows what it was sent, and answers nothing. */
const silent: number[] = [];
const calls: Call[] = [];
const untilEnd = Promise.withResolvers<void>();

let dir: string;
let umay: RunningUmay;
let processors: Readonly<Record<string, TestProcessor>>;

const options = typed("envoy.extensions.upstreams.http.v3.HttpProtocolOptions", {
  explicit_http_config: { http2_protocol_options: {} },
});

const asks = (name: string, more: object = {}): object =>
  httpFilter(
    "ext_proc.v3.ExternalProcessor",
    { grpc_service: { envoy_grpc: { cluster_name: name } }, message_timeout: "5s", ...more },
    { name, disabled: true },
  );

before(async () => {
  dir = mkdtempSync(join(tmpdir(), "umay-processing-"));
  await new Promise<void>((resolve) => backend.listen(0, "127.0.0.1", resolve));
  await new Promise<void>((resolve) => endless.listen(0, "127.0.0.1", resolve));
  processors = {
    scripted: await TestProcessor.start(),
    one: await named("1"),
    two: await named("2"),
    silent: await TestProcessor.start(({ part }) => {
      silent.push(part);
      return undefined;
    }),
    late: await TestProcessor.start((_asked, call) => {
      call.once("end", untilEnd.resolve);
      return undefined;
    }),
    huge: await TestProcessor.start(({ part }) =>
      part === 4 ? answerTo(4, [3, message([1, Buffer.alloc(5_000_000)])]) : answerTo(part),
    ),
    leaves: await TestProcessor.start(({ part }, call) => {
      calls.push(call);
      return part === 5 ? undefined : answerTo(part);
    }),
  };
  const bodies = (of: string, mode: string, trailers = "SKIP"): object => ({
    [`${of}_body_mode`]: mode,
    [`${of}_trailer_mode`]: trailers,
  });
  const both = (mode: string, trailers?: string): object => ({
    processing_mode: { ...bodies("request", mode, trailers), ...bodies("response", mode, trailers) },
  });
  const on = (names: readonly string[], overrides?: object): object =>
    Object.fromEntries(
      names.map((name) => [
        name,
        overrides === undefined
          ? typed("envoy.config.route.v3.FilterConfig", { config: typed(perRoute, { overrides: {} }) })
          : typed(perRoute, { overrides }),
      ]),
    );
  const route = (prefix: string, names: readonly string[], overrides?: object): object => ({
    match: { prefix },
    route: { cluster: "a", timeout: "20s" },
    typed_per_filter_config: on(names, overrides),
  });
  const file: EnvoyFile = {
    port: 0,
    filters: [
      httpFilter(
        "ext_authz.v3.ExtAuthz",
        {
          http_service: { server_uri: { uri: "http://asked.test", cluster: "a", timeout: "5s" } },
          with_request_body: { max_request_bytes: 100_000, allow_partial_message: true },
        },
        { name: "asked", disabled: true },
      ),
      ...["scripted", "one", "two", "huge", "leaves"].map((name) => asks(name)),
      asks("silent", { observability_mode: true, ...both("STREAMED", "SEND") }),
      asks("late", { observability_mode: true }),
    ],
    routes: [
      route("/streamed", ["scripted"], both("STREAMED", "SEND")),
      route("/buffered", ["scripted"], both("BUFFERED")),
      route("/duplex", ["scripted"], both("FULL_DUPLEX_STREAMED", "SEND")),
      route("/row", ["one", "two"]),
      {
        ...route("/asked", []),
        typed_per_filter_config: {
          ...on(["scripted"], both("STREAMED")),
          asked: typed("envoy.config.route.v3.FilterConfig", {
            config: typed(authzPerRoute, { check_settings: {} }),
          }),
        },
      },
      {
        match: { prefix: "/late" },
        direct_response: { status: 204 },
        typed_per_filter_config: on(["late"]),
      },
      route("/watched", ["silent"], both("STREAMED", "SEND")),
      route("/huge", ["huge"], { processing_mode: bodies("request", "STREAMED") }),
      { ...route("/endless", ["scripted"]), route: { cluster: "endless" } },
      route("/begun", ["leaves"], { processing_mode: bodies("response", "STREAMED") }),
    ],
    clusters: [
      cluster("a", (backend.address() as AddressInfo).port),
      ...[["endless", endless.address() as AddressInfo] as const, ...Object.entries(processors)].map(
        ([name, { port }]) =>
          cluster(name, port, {
            typed_extension_protocol_options: {
              "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options,
            },
          }),
      ),
    ],
  };
  const path = join(dir, "envoy.json");
  writeFileSync(path, envoyFile(file));
  umay = await startUmay("", {
    args: ["--envoy-config", path],
    env: { UMAY__WORKERS: "1", UMAY__ADMIN__BIND: "127.0.0.1:0" },
  });
});

const authzPerRoute = "envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute";
const perRoute = "envoy.extensions.filters.http.ext_proc.v3.ExtProcPerRoute";

after(async () => {
  await umay?.[Symbol.asyncDispose]();
  for (const processor of Object.values(processors ?? {})) processor[Symbol.dispose]();
  backend.closeAllConnections();
  endless.close();
  await new Promise<void>((resolve) => backend.close(() => resolve()));
  rmSync(dir, { recursive: true, force: true });
});

async function ask(
  path: string,
  fields: Readonly<Record<string, string>> = {},
  body: Buffer | string = "",
  trailers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const outgoing = send({
    host: "127.0.0.1",
    port: umay.port("l"),
    path,
    method: body.length > 0 ? "POST" : "GET",
    headers: {
      host: "x.test",
      te: "trailers",
      ...(body.length > 0 && { "transfer-encoding": "chunked" }),
      ...fields,
    },
    agent: false,
  });
  if (outgoing.getHeader("expect") === undefined) {
    outgoing.addTrailers(trailers);
    outgoing.end(body);
  } else
    outgoing.on("continue", () => {
      outgoing.end(body);
    });
  const [response] = (await once(outgoing, "response")) as [import("node:http").IncomingMessage];
  // An answer may come before all of the request has gone.
  outgoing.on("error", () => {});
  const parts: Buffer[] = [];
  let isCut = false;
  response.on("data", (part: Buffer) => parts.push(part));
  await new Promise<void>((resolve) => {
    response.on("end", resolve);
    response.on("error", () => {
      isCut = true;
      resolve();
    });
  });
  return {
    status: response.statusCode!,
    fields: response.headers,
    body: Buffer.concat(parts),
    trailers: response.trailers,
    isCut,
  };
}

const large = Buffer.alloc(6 * 1_048_576, "abcdefgh");

for (const [path, deed] of [
  ["/streamed", "upper"],
  ["/duplex", "duplex"],
] as const)
  test(`${path}: bodies of any size pass in parts, both ways, with what was made of each`, async () => {
    const { status, body, trailers, isCut } = await ask(path, { "x-do": deed }, large, { "x-mine": "1" });
    assert.deepEqual([status, isCut, body.length], [200, false, large.length]);
    assert.ok(body.equals(Buffer.alloc(large.length, "ABCDEFGH")));
    assert.equal(trailers["x-end"], "backend");
    assert.equal(seen.at(-1)!.trailers["x-mine"], "1");
  });

test("a body that is collected has what the processor made of it, and one that is too large gets 413", async () => {
  const { status, body } = await ask("/buffered", { "x-do": "longer" }, "hello");
  assert.deepEqual([status, body.toString()], [200, "<<hello>>"]);
  assert.equal((await ask("/buffered", { "x-do": "upper" }, large)).status, 413);
  await umay.logged(({ reason, path }) => reason === "body_too_large" && path === "/buffered");
});

test("a body whose begin another guard had to see first comes on, as large as it is", async () => {
  const { status, body } = await ask("/asked", { "x-do": "upper" }, large);
  assert.deepEqual([status, body.length], [200, large.length]);
});

test("a client that waits for a word gets it where the processor wants the body first", async () => {
  const { status, body } = await ask("/buffered", { "x-do": "upper", expect: "100-continue" }, "hello");
  assert.deepEqual([status, body.toString()], [200, "HELLO"]);
});

test("requests pass processors in their order, and answers in the other one", async () => {
  const { status, fields } = await ask("/row");
  assert.deepEqual([status, fields["x-order"]], [200, "1221"]);
});

test("nobody waits for a processor that only looks on, and it gets copies of everything", async () => {
  const { status, body } = await ask("/watched", {}, "hello", { "x-mine": "1" });
  assert.deepEqual([status, body.toString()], [200, "hello"]);
  await umay.logged(({ path }) => path === "/watched");
  const wait = Date.now() + 10_000;
  while (silent.length < 6 && Date.now() < wait) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual([...new Set(silent)].sort(), [2, 3, 4, 5, 6, 7]);
});

// It would be cut after five seconds.
test("who only looks on hears the end of a request that was over before its call was connected", {
  timeout: 4_500,
}, async () => {
  assert.equal((await ask("/late")).status, 204);
  await untilEnd.promise;
});

test("a backend whose answer a processor has replaced is told that nobody wants the rest", async () => {
  const begun = once(endless, "stream") as Promise<[ServerHttp2Stream]>;
  const answered = ask("/endless", { "x-do": "replace-answer" });
  const [stream] = await begun;
  const closed = once(stream, "close");
  stream.respond({ ":status": 200 });
  stream.write("begun");
  assert.equal((await answered).body.toString(), "replaced");
  await closed;
});

test("a message of a processor that is too large ends its request", async () => {
  assert.equal((await ask("/huge", {}, "hello")).status, 500);
  const line = await umay.logged(({ path }) => path === "/huge");
  assert.deepEqual(
    [line["reason"], /more than \d+ bytes/.test(String(line["detail"]))],
    ["processor_failed", true],
  );
});

test("an answer whose processor dies in the middle is cut, and never looks complete", async () => {
  const outgoing = send({ host: "127.0.0.1", port: umay.port("l"), path: "/begun", agent: false });
  outgoing.on("error", () => {}).end();
  const [response] = (await once(outgoing, "response")) as [import("node:http").IncomingMessage];
  const isCut = new Promise<boolean>((resolve) => {
    response.on("end", () => resolve(false)).on("error", () => resolve(true));
  });
  response.resume();
  while (calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  calls.at(-1)!.emit("error", { code: 13, details: "no" });
  assert.equal(await isCut, true);
  const line = await umay.logged(({ path }) => path === "/begun");
  assert.equal(line["reason"], "processor_failed");
});

for (const [path, sent] of [
  ["/streamed", "hello"],
  ["/asked", "hello".repeat(300_000)],
] as const)
  test(`over HTTP/2 it is the same: ${path}`, async () => {
    const session = connect(`http://127.0.0.1:${umay.port("l")}`);
    const stream = session.request({ ":path": path, ":method": "POST", "x-do": "upper" });
    stream.end(sent);
    let text = "";
    stream.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
    const [head] = (await once(stream, "response")) as [import("node:http2").IncomingHttpHeaders];
    await once(stream, "end");
    session.close();
    assert.equal(head[":status"], 200);
    assert.ok(text === sent.toUpperCase());
  });

test("no call of a processor outlives its request", async () => {
  const { one, scripted } = processors;
  await ask("/row");
  const wait = Date.now() + 10_000;
  while (one!.calls.size + scripted!.calls.size > 0 && Date.now() < wait)
    await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual([one!.calls.size, scripted!.calls.size], [0, 0]);
});
