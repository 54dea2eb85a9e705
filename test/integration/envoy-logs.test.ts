import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
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
let dir: string;

before(async () => {
  dir = mkdtempSync(join(tmpdir(), "umay-envoy-logs-"));
  await new Promise<void>((resolve) => backend.listen(0, "127.0.0.1", resolve));
});

after(async () => {
  backend.closeAllConnections();
  await new Promise<void>((resolve) => backend.close(() => resolve()));
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
    clusters: [named("a", (backend.address() as AddressInfo).port), named("dead", 1)],
    routes: [
      { name: "gone", match: { prefix: "/gone" }, direct_response: { status: 404 } },
      { name: "dead", match: { prefix: "/dead" }, route: { cluster: "dead" } },
      { name: "slow", match: { prefix: "/slow" }, route: { cluster: "a", timeout: "0.2s" } },
      { match: { prefix: "/" }, route: { cluster: "a" } },
    ],
  });
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
  const read = (name: string): string[] => {
    const path = join(folder, `${name}.log`);
    const lines = existsSync(path) ? readFileSync(path, "utf8").trim() : "";
    return lines === "" ? [] : lines.split("\n");
  };
  const sorted = (name: string): string[] =>
    name === "json"
      ? read(name).map((each) => JSON.stringify(Object.entries(JSON.parse(each) as object).sort()))
      : read(name);
  // Envoy writes its files every ten seconds.
  await becomes(
    () => ["all", "json", "either", "ended"].reduce((count, name) => count + read(name).length, 0),
    (count) => count === 22,
    "the lines",
    30_000,
  );
  return Object.fromEntries(Object.keys(logs).map((name) => [name, sorted(name)]));
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
