import assert from "node:assert/strict";
import { hostname } from "node:os";
import { test } from "node:test";
import type { ListenerLog } from "../../../src/model/access-log.ts";
import { ListenerLogs } from "../../../src/observe/listener-logs.ts";
import type { RequestRecord } from "../../../src/observe/request-log.ts";
import { loadFile, typed } from "../../support/envoy.ts";

const file = (config: object, filter?: object): object => ({
  name: "f",
  ...(filter !== undefined && { filter }),
  typed_config: typed("envoy.extensions.access_loggers.file.v3.FileAccessLog", {
    path: "/var/log/a.log",
    ...config,
  }),
});

async function logsOf(
  logs: readonly object[],
): Promise<{ logs: readonly ListenerLog[]; warnings: readonly string[] }> {
  const { model, warnings } = await loadFile({ manager: { access_log: logs } });
  const { serve } = model.listeners[0]!.chains[0]!;
  assert.ok(serve.kind === "http");
  return { logs: serve.front.logs ?? [], warnings };
}

const record: RequestRecord = {
  id: "1",
  client: "192.0.2.1",
  listener: "l",
  protocol: "HTTP/1.1",
  method: "GET",
  host: "a.test",
  path: "/x",
  route: "r",
  pool: "a",
  backend: "127.0.0.1:1",
  attempts: [],
  status: 503,
  grpcStatus: undefined,
  received: 3,
  sent: 4,
  firstByte: 1.6,
  ended: 1_800_000_000_000,
  duration: 2.4,
  reason: "no_backend",
  detail: undefined,
  trace: "",
  user: "",
  requestFields: { "user-agent": "curl" },
  responseFields: { "x-a": "b" },
  trailerFields: undefined,
};

/** The lines that logs write of a request. */
function linesOf(
  logs: readonly ListenerLog[],
  changes: Partial<RequestRecord> = {},
  fields: Record<string, string> = {},
  isTraced = false,
) {
  const lines: [file: string, text: string][] = [];
  const written = new ListenerLogs((bytes, path) => lines.push([path, Buffer.from(bytes).toString()]));
  written.of(logs).record(
    { ...record, ...changes },
    {
      header: (name) => fields[name],
      variable: (name) => `<${name}>`,
      isTraced,
    },
  );
  written.flush();
  return lines;
}

test("a listener's own log has Envoy's format, in its own file", async () => {
  const { logs, warnings } = await logsOf([file({})]);
  assert.deepEqual(warnings, []);
  const [[path, line] = ["", ""]] = linesOf(logs);
  assert.equal(path, "/var/log/a.log");
  assert.match(
    line,
    /^\[\d{4}-\d\d-\d\dT[\d:.]+Z\] "GET \/x HTTP\/1\.1" 503 UH 3 4 2 2 "-" "curl" "1" "a\.test" "127\.0\.0\.1:1"\n$/,
  );
});

test("formats of text and of JSON have operators, alternatives, lengths and types", async () => {
  const { logs, warnings } = await logsOf([
    file({
      log_format: {
        text_format_source: undefined,
        text_format: "%HOSTNAME% %REQ(X-NOT?USER-AGENT):3% %RESP(X-A)% 100%% %UPSTREAM_CLUSTER%\n",
      },
    }),
    file({
      log_format: {
        json_format: {
          code: "%RESPONSE_CODE%",
          text: "took %DURATION% ms",
          in: { route: "%ROUTE_NAME%" },
          none: "%RESP(X-NONE)%",
        },
      },
    }),
  ]);
  assert.deepEqual(warnings, []);
  const lines = linesOf(logs).flatMap(([, text]) => text.split("\n").filter((line) => line !== ""));
  assert.equal(lines[0], `${hostname()} cur b 100% a`);
  assert.deepEqual(JSON.parse(lines[1]!), { code: 503, text: "took 2 ms", in: { route: "r" }, none: null });
  const calls = await logsOf([
    file({ log_format: { text_format: "%GRPC_STATUS% %GRPC_STATUS(SNAKE_STRING)% %TRAILER(X-A?X-B)%\n" } }),
  ]);
  const call = { "content-type": "application/grpc+proto" };
  const lineOf = (changes: Partial<RequestRecord>, fields = call): string =>
    linesOf(calls.logs, changes, fields)[0]![1];
  assert.deepEqual(calls.logs[0]!.trailerFields, ["x-a", "x-b"]);
  assert.equal(lineOf({ grpcStatus: 4 }), "DeadlineExceeded DEADLINE_EXCEEDED -\n");
  assert.equal(lineOf({ grpcStatus: 1, trailerFields: { "x-b": "b" } }), "Canceled CANCELLED b\n");
  assert.equal(lineOf({ grpcStatus: 0 }), "OK OK -\n");
  assert.equal(lineOf({ grpcStatus: 99 }), "99 99 -\n");
  assert.equal(lineOf({ grpcStatus: -1 }), "-1 -1 -\n");
  assert.equal(lineOf({}), "Unavailable UNAVAILABLE -\n");
  assert.equal(lineOf({ status: 0 }), "- - -\n");
  assert.equal(lineOf({ grpcStatus: 4 }, { "content-type": "application/grpc-web" }), "- - -\n");
  const istio = await logsOf([
    file({
      log_format: {
        text_format:
          '"%UPSTREAM_TRANSPORT_FAILURE_REASON%" %CONNECTION_TERMINATION_DETAILS% %UPSTREAM_CLUSTER_RAW% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %RESPONSE_TX_DURATION%\n',
      },
    }),
    file({
      log_format: {
        omit_empty_values: true,
        json_format: {
          none: "%RESP(X-NONE)%",
          text: "at %RESP(X-NONE)%",
          code: "%RESPONSE_CODE%",
          sni: "%REQUESTED_SERVER_NAME%",
        },
      },
    }),
    file({ log_format: { omit_empty_values: true, text_format: "%RESP(X-NONE)%|%RESPONSE_CODE%" } }),
  ]);
  assert.deepEqual(istio.warnings, []);
  const attempts = [{ backend: "127.0.0.1:1", ms: 1, error: "refused" }];
  const all = linesOf(istio.logs, { attempts, client: "2001:db8::1" }).map(([, text]) => text);
  assert.equal(
    all.join(""),
    '"refused" - a <listener.address> [2001:db8::1]:<client.port> <tls.sni> 1\n{"text":"at ","code":503,"sni":"<tls.sni>"}\n|503\n',
  );
  const timed = await logsOf([file({ log_format: { text_format: "%START_TIME(%s)%" } })]);
  assert.match(timed.warnings.join(), /writes that time as ISO 8601/);
  const bad = await logsOf([file({ log_format: { text_format: "%REQ(COOKIE)% %UPSTREAM_TLS_CIPHER%" } })]);
  assert.match(bad.warnings.join("\n"), /has no value for %REQ\(COOKIE\)%[\s\S]*%UPSTREAM_TLS_CIPHER%/);
});

test("filters say which requests have a line", async () => {
  const status = (op: string, value: number): object => ({
    status_code_filter: { comparison: { op, value: { default_value: value, runtime_key: "k" } } },
  });
  const takes = async (
    filter: object,
    changes: Partial<RequestRecord>,
    fields?: Record<string, string>,
  ): Promise<boolean> => {
    const { logs, warnings } = await logsOf([file({}, filter)]);
    assert.deepEqual(warnings, []);
    return linesOf(logs, changes, fields).length > 0;
  };
  assert.equal(await takes(status("GE", 500), { status: 500 }), true);
  assert.equal(await takes(status("GE", 500), { status: 499 }), false);
  assert.equal(await takes(status("NE", 200), { status: 200 }), false);
  const both = { and_filter: { filters: [status("GE", 400), status("LE", 499)] } };
  assert.equal(await takes(both, { status: 404 }), true);
  assert.equal(await takes(both, { status: 503 }), false);
  assert.equal(await takes({ or_filter: { filters: [status("EQ", 1), status("EQ", 503)] } }, {}), true);
  assert.equal(await takes({ response_flag_filter: { flags: ["UH"] } }, {}), true);
  assert.equal(await takes({ response_flag_filter: { flags: ["UF"] } }, {}), false);
  assert.equal(await takes({ response_flag_filter: {} }, { reason: "served" }), false);
  const header = { header_filter: { header: { name: "X-Log", string_match: { exact: "1" } } } };
  assert.equal(await takes(header, {}, { "x-log": "1" }), true);
  assert.equal(await takes(header, {}, { "x-log": "2" }), false);
  const long = (matcher: object): object => ({ header_filter: { header: { name: "x-long", ...matcher } } });
  for (const [matcher, taken] of [
    [{ string_match: { prefix: "ab" } }, true],
    [{ string_match: { suffix: "D", ignore_case: true } }, true],
    [{ string_match: { contains: "x" } }, false],
    [{ string_match: { safe_regex: { regex: "a.*d" } } }, true],
    [{ safe_regex_match: { regex: "a.*" }, invert_match: true }, false],
    [{ range_match: { start: 1, end: 5 } }, false],
    [{ present_match: false }, false],
  ] as const)
    assert.equal(await takes(long(matcher), {}, { "x-long": "abcd" }), taken, JSON.stringify(matcher));
  assert.equal(await takes(long({ range_match: { start: 1, end: 5 } }), {}, { "x-long": "4" }), true);
  assert.equal(await takes(long({ string_match: { exact: "" } }), {}), false);
  assert.equal(await takes({ runtime_filter: { percent_sampled: { numerator: 0 } } }, {}), false);
  const types = (type: string, exclude: boolean): object => ({ log_type_filter: { types: [type], exclude } });
  assert.equal(await takes(types("DownstreamEnd", false), {}), true);
  assert.equal(await takes(types("DownstreamEnd", true), {}), false);
  assert.equal(await takes(types("DownstreamStart", false), {}), false);
  assert.equal(await takes(types("DownstreamStart", true), {}), true);
  assert.equal(await takes({ metadata_filter: {} }, {}), true);
  assert.equal(await takes({ metadata_filter: { match_if_key_not_found: false } }, {}), false);
  const calls = (exclude: boolean): object => ({
    grpc_status_filter: { statuses: ["CANCELED", "UNAVAILABLE"], exclude },
  });
  assert.equal(await takes(calls(false), { grpcStatus: 1 }), true);
  assert.equal(await takes(calls(false), { grpcStatus: 2 }), false);
  assert.equal(await takes(calls(true), { grpcStatus: 2 }), true);
  assert.equal(await takes(calls(false), { status: 503 }), true);
  assert.equal(await takes(calls(false), { status: 0 }), false);
  const other = await logsOf([file({}, { extension_filter: {} })]);
  assert.match(other.warnings.join(), /every request has a line/);
});

test("a log that umay can't write is told of", async () => {
  const { logs, warnings } = await logsOf([
    { name: "x", typed_config: { "@type": "type.googleapis.com/x.Y" } },
  ]);
  assert.deepEqual([logs.length, warnings.length], [0, 1]);
});

test("a log of traced requests has those whose spans are sent", async () => {
  const { logs, warnings } = await logsOf([file({}, { traceable_filter: {} })]);
  assert.deepEqual(warnings, []);
  assert.deepEqual([linesOf(logs).length, linesOf(logs, {}, {}, true).length], [0, 1]);
});
