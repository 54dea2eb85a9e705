import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import pino from "pino";
import type { AccessFormat } from "../../src/model/access-log.ts";
import type { Model } from "../../src/model/model.ts";
import { knownFormats } from "../../src/model/request-log.ts";
import { AccessFile } from "../../src/observe/access-file.ts";
import { AccessFiles } from "../../src/observe/access-files.ts";
import { AccessLog } from "../../src/observe/access-log.ts";
import type { RequestRecord } from "../../src/observe/request-log.ts";

const request: RequestRecord = {
  id: "1",
  client: "192.0.2.7",
  trace: "",
  user: "alice",
  listener: "web",
  protocol: "HTTP/1.1",
  method: "GET",
  host: "a.test",
  path: "/a",
  route: "all",
  pool: "app",
  backend: "127.0.0.1:80",
  attempts: [{ backend: "127.0.0.1:80", ms: 1, error: undefined }],
  status: 200,
  grpcStatus: undefined,
  received: 0,
  sent: 2326,
  firstByte: 1,
  ended: 1_800_000_000_000,
  duration: 2.34567,
  reason: "served",
  detail: undefined,
  requestFields: { "user-agent": 'a "b"\\\u0000é', referer: "https://b.test/x?token=1" },
  responseFields: { "content-type": "text/plain" },
  trailerFields: undefined,
};

function lineOf(format: AccessFormat, record: RequestRecord = request): string {
  let line = "";
  const log = new AccessLog(
    { file: "", format, requestFields: [], responseFields: [], trailerFields: [] },
    (text) => {
      line += text;
    },
  );
  log.record(record, undefined);
  return line;
}

test("the common and the combined format are those of Apache, without queries", () => {
  const common =
    /^192\.0\.2\.7 - alice \[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET \/a HTTP\/1\.1" 200 2326/;
  assert.match(lineOf({ kind: "text", parts: knownFormats.common }), new RegExp(`${common.source}\\n$`));
  const combined = lineOf({ kind: "text", parts: knownFormats.combined });
  assert.match(combined, common);
  assert.ok(combined.endsWith('2326 "https://b.test/x" "a \\x22b\\x22\\x5c\\x00\\xe9"\n'), combined);
});

test("a template has what it names; what is not known is a dash, and a value has an end", () => {
  const parts = [
    { field: "duration_ms" },
    " ",
    { response: "content-type" },
    " ",
    { request: "x" },
    " ",
    { field: "detail" },
    " ",
    { request: "referer" },
  ];
  const long = { ...request, requestFields: { referer: "r".repeat(5_000) } };
  assert.equal(lineOf({ kind: "text", parts }, long), `2.346 text/plain - - ${"r".repeat(1_024)}\n`);
  const unread = { ...request, method: "", status: 0, requestFields: undefined };
  assert.match(lineOf({ kind: "text", parts: knownFormats.combined }, unread), /\] "-" 499 2326 "-" "-"\n$/);
});

test("a line of JSON is the one that the log would have, with the fields that were named", () => {
  const { level, msg, request: fields, response, user, duration_ms } = JSON.parse(lineOf({ kind: "json" }));
  assert.deepEqual(
    [level, msg, fields.referer, response, user, duration_ms],
    [
      "info",
      "a backend's answer was passed on, complete",
      "https://b.test/x?token=1",
      { "content-type": "text/plain" },
      "alice",
      2.346,
    ],
  );
});

test("every file is opened anew, that of log.access too where a listener has one of its own; without any, that is said", () => {
  const dir = mkdtempSync(join(tmpdir(), "umay-access-"));
  try {
    const said: string[] = [];
    const logger = pino(
      { base: null, timestamp: false },
      { write: (line: string) => said.push(JSON.parse(line).msg) },
    );
    const files = new AccessFiles(logger, { writeAsIs() {} });
    const [usual, own] = [join(dir, "usual.log"), join(dir, "own.log")];
    const front = { logs: [{ file: own }] };
    const listeners = [{ chains: [{ serve: { kind: "http", front } }] }] as unknown as Model["listeners"];
    const reopened = (model: Pick<Model, "log" | "listeners">): readonly boolean[] => {
      files.follow(model);
      for (const path of [usual, own]) rmSync(path, { force: true });
      files.reopen();
      return [usual, own].map((path) => existsSync(path));
    };
    const log = { access: { file: usual } } as Model["log"];
    assert.deepEqual(reopened({ log, listeners }), [true, true]);
    assert.deepEqual(reopened({ log, listeners: [] }), [true, false]);
    const none = {} as Model["log"];
    assert.deepEqual(reopened({ log: none, listeners }), [false, true]);
    assert.doesNotMatch(said.join(), /no meaning/);
    assert.deepEqual(reopened({ log: none, listeners: [] }), [false, false]);
    assert.match(said.at(-1)!, /no meaning/);
    files.follow({ log: none, listeners: [] });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test("a file that was renamed is opened anew without a line lost, and one that can't be opened is told", async () => {
  const dir = mkdtempSync(join(tmpdir(), "umay-access-"));
  try {
    const [path, moved] = [join(dir, "a.log"), join(dir, "b.log")];
    const file = new AccessFile(pino({ level: "silent" }));
    file.follow(path);
    for (let line = 0; line < 100; line++) file.write(`${line}\n`);
    renameSync(path, moved);
    file.reopen();
    for (let line = 100; line < 200; line++) file.write(`${line}\n`);
    await file.flush();
    const lines = readFileSync(moved, "utf8") + readFileSync(path, "utf8");
    assert.equal(lines, Array.from({ length: 200 }, (_, line) => `${line}\n`).join(""));
    assert.throws(() => file.follow(join(dir, "none", "c.log")), /log\.access\.file can't be opened: ENOENT/);
    file.write("more\n");
    file.follow(undefined);
    await file.flush();
    assert.equal(file.dropped, 0);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
