import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import {
  connect,
  createServer as createHttp2Server,
  type Http2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { cluster, envoyFile, typed } from "../support/envoy.ts";
import { envoy, startEnvoy } from "../support/envoy-program.ts";
import { freePorts } from "../support/free-ports.ts";
import { ask } from "../support/http.ts";
import { becomes } from "../support/settled.ts";
import { startUmay } from "../support/umay.ts";

/*
 * The access logs that umay and Envoy write of the same requests. UPDATE_ENVOY_ANSWERS=1 writes down those of an `envoy` on
 * the PATH.
 */

const file = new URL("envoy-corpus/logs.json", import.meta.url);
type Logs = Readonly<Record<string, readonly string[]>>;
const expected = (existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {}) as Logs;

const backend = createServer((asked, answer) => {
  if (asked.url === "/slow") return;
  asked.resume().on("end", () => answer.writeHead(200, { "x-backend": "a" }).end("hello"));
});
/** Answers of gRPC: the status behind the body, in the head, beyond those that have names, and nowhere. */
const callee = createHttp2Server();
const sessions = new Set<Http2Session>();
callee.on("session", (session) => {
  sessions.add(session);
  session.on("close", () => sessions.delete(session));
});
callee.on("stream", (stream, { ":path": path = "" }) => {
  if (path.startsWith("/behind")) {
    echoTrailers(stream, path === "/behind/none");
    return;
  }
  const [, status = ""] = /(\d+)$/.exec(path) ?? [];
  const head = { ":status": 200, "content-type": "application/grpc" };
  if (path.startsWith("/call/head"))
    stream.respond({ ...head, "grpc-status": status, "grpc-message": "gone" }, { endStream: true });
  else if (path.startsWith("/call/http")) stream.respond({ ":status": Number(status) }, { endStream: true });
  else {
    stream.respond(head, { waitForTrailers: true });
    stream.on("wantTrailers", () =>
      stream.sendTrailers({
        ...(status !== "" && { "grpc-status": status }),
        "grpc-message": "no way",
        "x-trailer": "t",
      }),
    );
    stream.end("12345");
  }
});

/** The fields behind the request's body come in the body of the answer, which has fields behind it unless it is bare. */
function echoTrailers(stream: ServerHttp2Stream, isBare: boolean): void {
  let seen: object = {};
  stream.on("trailers", (trailers) => {
    seen = { ...trailers };
  });
  stream.resume().on("end", () => {
    stream.respond({ ":status": 200 }, { waitForTrailers: !isBare });
    stream.on("wantTrailers", () =>
      stream.sendTrailers({ "x-of": "backend", "x-gone": "1", "x-a-secret": "1", "x-sum": "1" }),
    );
    stream.end(JSON.stringify(seen));
  });
}
let dir: string;

before(async () => {
  dir = mkdtempSync(join(tmpdir(), "umay-envoy-logs-"));
  for (const server of [backend, callee])
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
});

after(async () => {
  backend.closeAllConnections();
  for (const session of sessions) session.destroy();
  for (const server of [backend, callee]) await new Promise<void>((resolve) => server.close(() => resolve()));
  rmSync(dir, { recursive: true, force: true });
});

const line =
  "%PROTOCOL% %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %UPSTREAM_CLUSTER% %REQ(:METHOD)% %PATH(NQ)% %REQ(X-A?X-B)% %REQ(X-LONG):3% %RESP(X-BACKEND)% %RESP(X-NONE)% %ROUTE_NAME% %REQ(:AUTHORITY)%\n";
const text = { log_format: { text_format_source: { inline_string: line } } };

/** The logs by name: their formats and filters. */
const logs: Readonly<Record<string, readonly [format: object, filter?: object]>> = {
  all: [text],
  sent: [
    { log_format: { text_format_source: { inline_string: "%RESPONSE_CODE% %BYTES_SENT%\n" } } },
    { status_code_filter: { comparison: { op: "LE", value: { default_value: 299, runtime_key: "x" } } } },
  ],
  errors: [
    text,
    { status_code_filter: { comparison: { op: "GE", value: { default_value: 400, runtime_key: "x" } } } },
  ],
  flagged: [text, { response_flag_filter: { flags: ["UF", "UT"] } }],
  marked: [
    text,
    {
      and_filter: {
        filters: [
          { header_filter: { header: { name: "x-log", string_match: { exact: "yes" } } } },
          {
            status_code_filter: { comparison: { op: "EQ", value: { default_value: 200, runtime_key: "x" } } },
          },
        ],
      },
    },
  ],
  either: [
    text,
    {
      or_filter: {
        filters: [
          { header_filter: { header: { name: "x-log", present_match: true } } },
          { response_flag_filter: { flags: ["UT"] } },
        ],
      },
    },
  ],
  ended: [text, { log_type_filter: { types: ["DownstreamEnd"] } }],
  begun: [text, { log_type_filter: { types: ["DownstreamStart"] } }],
  known: [
    text,
    {
      metadata_filter: {
        matcher: { filter: "f", path: [{ key: "k" }], value: { string_match: { exact: "v" } } },
        match_if_key_not_found: false,
      },
    },
  ],
  calls: [
    {
      log_format: {
        text_format_source: {
          inline_string:
            "%PATH(NQ)% %RESPONSE_CODE% %GRPC_STATUS% %GRPC_STATUS(CAMEL_STRING)% %GRPC_STATUS(SNAKE_STRING)% %GRPC_STATUS(NUMBER)% %GRPC_STATUS_NUMBER% %TRAILER(X-TRAILER)% %RESPONSE_TRAILER(GRPC-MESSAGE):2% %TRAILER(X-NONE?X-TRAILER)% %RESP(GRPC-STATUS)%\n",
        },
      },
    },
    { header_filter: { header: { name: "x-call", present_match: true } } },
  ],
  callsOfJson: [
    { log_format: { json_format: { name: "%GRPC_STATUS%", number: "%GRPC_STATUS_NUMBER%" } } },
    { header_filter: { header: { name: "x-call", present_match: true } } },
  ],
  failedSo: [text, { grpc_status_filter: { statuses: ["CANCELED", "NOT_FOUND", "UNAVAILABLE"] } }],
  notUnknown: [text, { grpc_status_filter: { statuses: ["UNKNOWN", "OK"], exclude: true } }],
  connection: [
    {
      log_format: {
        text_format_source: {
          inline_string:
            "%PATH(NQ)% %UPSTREAM_CLUSTER_RAW% %CONNECTION_TERMINATION_DETAILS% %REQUESTED_SERVER_NAME% %DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_TLS_VERSION% %REQ(:SCHEME)%\n",
        },
        omit_empty_values: true,
      },
    },
    { header_filter: { header: { name: "x-log", present_match: true } } },
  ],
  matched: [
    text,
    {
      or_filter: {
        filters: [
          {
            header_filter: { header: { name: "x-long", string_match: { safe_regex: { regex: "a[b-f]+" } } } },
          },
          { header_filter: { header: { name: ":path", string_match: { suffix: "ST", ignore_case: true } } } },
          {
            header_filter: {
              header: { name: "x-log", string_match: { prefix: "y" }, invert_match: true },
            },
          },
        ],
      },
    },
  ],
  omitsJson: [
    {
      log_format: {
        omit_empty_values: true,
        json_format: { code: "%RESPONSE_CODE%", none: "%REQ(X-NONE)%", both: "%REQ(X-NONE)%%REQ(X-LOG)%" },
      },
    },
    { header_filter: { header: { name: "x-log", present_match: true } } },
  ],
  json: [
    {
      log_format: {
        json_format: {
          code: "%RESPONSE_CODE%",
          method: "%REQ(:METHOD)%",
          none: "%REQ(X-NONE)%",
          where: "at %PATH(NQ)%",
        },
      },
    },
  ],
};

/** Changes of fields behind bodies. */
const mutation = (of: string, kind: string): object => {
  const changes = [
    { append: { header: { key: `x-${of}`, value: "%REQ(:METHOD)%" } } },
    { append: { header: { key: "x-of", value: of }, append_action: "OVERWRITE_IF_EXISTS" } },
    { remove: "x-gone" },
    { remove_on_match: { key_matcher: { suffix: "-secret" } } },
  ];
  return typed(`envoy.extensions.filters.http.header_mutation.v3.${kind}`, {
    mutations: { request_trailers_mutations: changes, response_trailers_mutations: changes },
  });
};

function configuration(folder: string, port: number): string {
  const accessLogs = Object.entries(logs).map(([name, [format, filter]]) => ({
    name,
    ...(filter !== undefined && { filter }),
    typed_config: typed("envoy.extensions.access_loggers.file.v3.FileAccessLog", {
      path: join(folder, `${name}.log`),
      ...format,
    }),
  }));
  const named = (name: string, of: number): object => {
    const { load_assignment: assignment, ...rest } = cluster(name, of) as { load_assignment: object };
    return { ...rest, load_assignment: { cluster_name: name, ...assignment } };
  };
  return envoyFile({
    port,
    manager: { stat_prefix: "l", access_log: accessLogs },
    filters: [{ name: "mutation", typed_config: mutation("Filter", "HeaderMutation") }],
    clusters: [
      named("a", (backend.address() as AddressInfo).port),
      named("dead", 1),
      {
        ...named("callee", (callee.address() as AddressInfo).port),
        typed_extension_protocol_options: {
          "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            { explicit_http_config: { http2_protocol_options: {} } },
          ),
        },
      },
    ],
    routes: [
      { name: "gone", match: { prefix: "/gone" }, direct_response: { status: 404 } },
      { name: "dead", match: { prefix: "/dead" }, route: { cluster: "dead" } },
      { name: "slow", match: { prefix: "/slow" }, route: { cluster: "a", timeout: "0.2s" } },
      {
        name: "behind",
        match: { prefix: "/behind" },
        route: { cluster: "callee" },
        typed_per_filter_config: { mutation: mutation("Route", "HeaderMutationPerRoute") },
      },
      { name: "calls", match: { prefix: "/call" }, route: { cluster: "callee" } },
      { match: { prefix: "/" }, route: { cluster: "a" } },
    ],
  });
}

/** Makes calls, one after the other, over HTTP/2. */
async function call(
  port: number,
  paths: readonly string[],
  fields: Readonly<Record<string, string>> = {},
): Promise<void> {
  const session = connect(`http://127.0.0.1:${port}`);
  for (const path of paths) {
    const head = { ":method": "POST", ":path": path, ":authority": "x.test", te: "trailers", "x-call": "1" };
    const stream = session.request({ ...head, "content-type": "application/grpc", ...fields });
    stream.end("12345");
    await once(stream.resume(), "end");
  }
  session.destroy();
}

/** The fields that come behind bodies, to the backend and back, as texts. */
async function behind(port: number): Promise<readonly string[]> {
  const session = connect(`http://127.0.0.1:${port}`);
  const all: string[] = [];
  for (const path of ["/behind", "/behind/none"]) {
    const stream = session.request(
      { ":method": "POST", ":path": path, ":authority": "x.test", te: "trailers" },
      { waitForTrailers: true },
    );
    let [body, got] = ["", {}];
    stream.on("wantTrailers", () =>
      stream.sendTrailers(
        path === "/behind" ? { "x-of": "client", "x-gone": "1", "x-b-secret": "1", "x-sum": "2" } : {},
      ),
    );
    stream.on("trailers", (trailers) => {
      got = { ...trailers };
    });
    stream.on("data", (part: Buffer) => {
      body += part.toString();
    });
    stream.end("12345");
    await once(stream, "end");
    const sorted = (fields: object): string => JSON.stringify(Object.entries(fields).sort());
    all.push(`${path} ${sorted(JSON.parse(body) as object)} ${sorted(got)}`);
  }
  session.destroy();
  return all;
}

/** Asks for everything, and gives the lines that the files get. @param lines of each that are waited for. */
async function linesOf(port: number, folder: string): Promise<Logs> {
  const get = (
    path: string,
    headers: Readonly<Record<string, string>> = {},
    body?: string,
  ): Promise<unknown> =>
    ask(
      port,
      {
        path,
        headers: { host: "x.test", ...headers },
        agent: false as never,
        ...(body !== undefined && { method: "POST" }),
      },
      body === undefined ? undefined : Buffer.from(body),
    );
  await get("/plain?secret=1", { "x-b": "b", "x-long": "abcdef" });
  await get("/plain", { "x-a": "a", "x-b": "b", "x-log": "yes" });
  await get("/post", { "x-log": "no" }, "12345");
  await get("/gone", { "x-log": "yes" });
  await get("/dead");
  await get("/slow");
  await call(port, [
    "/call/0",
    "/call/5",
    "/call/42",
    "/call/none",
    "/call/head/1",
    "/call/http/503",
    "/call/http/404",
    "/dead",
    "/gone",
  ]);
  await call(port, ["/call/0"], { "content-type": "application/grpc-web" });
  const trailers = await behind(port);
  const read = (name: string): string[] => {
    const path = join(folder, `${name}.log`);
    const lines = existsSync(path) ? readFileSync(path, "utf8").trim() : "";
    return lines === "" ? [] : lines.split("\n");
  };
  const sorted = (name: string): string[] =>
    name.toLowerCase().endsWith("json")
      ? read(name).map((each) => JSON.stringify(Object.entries(JSON.parse(each) as object).sort()))
      : read(name);
  // Envoy writes its files every ten seconds.
  await becomes(
    () => Object.keys(logs).reduce((count, name) => count + read(name).length, 0),
    (count) => count === 124,
    "the lines",
    30_000,
  );
  return { ...Object.fromEntries(Object.keys(logs).map((name) => [name, sorted(name)])), trailers };
}

test("access logs have the lines that Envoy writes: operators, filters, text and JSON", async () => {
  const path = join(dir, "umay.json");
  writeFileSync(path, configuration(dir, 0));
  await using umay = await startUmay("", { args: ["--envoy-config", path], env: { UMAY__WORKERS: "1" } });
  assert.deepEqual(await linesOf(umay.port("l"), dir), expected);
});

test("Envoy itself writes them", { skip: envoy === undefined && "no envoy on the PATH" }, async () => {
  const folder = mkdtempSync(join(dir, "envoy-"));
  const [port] = await freePorts(1);
  const path = join(folder, "envoy.json");
  writeFileSync(path, configuration(folder, port!));
  const running = await startEnvoy(path);
  try {
    const found = await linesOf(port!, folder);
    if (process.env["UPDATE_ENVOY_ANSWERS"] === "1")
      writeFileSync(file, `${JSON.stringify(found, undefined, 2)}\n`);
    else assert.deepEqual(found, expected);
  } finally {
    running.kill("SIGKILL");
    await once(running, "exit");
  }
});
