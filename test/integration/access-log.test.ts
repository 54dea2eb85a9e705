import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ask, startHttpBackend } from "../support/http.ts";
import { becomes } from "../support/settled.ts";
import { startUmay } from "../support/umay.ts";

const dir = mkdtempSync(join(tmpdir(), "umay-access-log-"));
after(() => rmSync(dir, { recursive: true, force: true }));

test("requests have their lines in a file, by a template and by chance, and the file is opened anew on SIGUSR2", async () => {
  await using backend = await startHttpBackend((request, response) => {
    response.statusCode = request.url === "/sampled/bad" ? 500 : 200;
    response.setHeader("x-cache", "hit").end("hello");
  });
  const path = join(dir, "access.log");
  const lines = (file = path): string[] => readFileSync(file, "utf8").split("\n").slice(0, -1);
  await using umay = await startUmay(`
    workers = 2
    [log.access]
    file = ${JSON.stringify(path)}
    format = "template"
    template = "{method} {path} {status} {sent} {route} {request.user-agent} {response.x-cache}"
    [listeners.web]
    bind = "127.0.0.1:0"
    mode = "http"
    [routes.all]
    pool = "app"
    [routes.sampled]
    path_prefix = "/sampled"
    pool = "app"
    log = { percent = 0 }
    [pools.app]
    discovery = { type = "static", backends = ["${backend.address}"] }`);
  const port = umay.port("web");
  const headers = { "user-agent": "test 1" };
  for (const path of ["/sampled/good", "/sampled/bad", "/a?secret=1"]) await ask(port, { path, headers });
  await becomes(lines, ({ length }) => length === 2, "lines");
  assert.deepEqual(lines().sort(), [
    "GET /a 200 5 all test 1 hit",
    "GET /sampled/bad 500 5 sampled test 1 hit",
  ]);
  assert.equal(
    umay.log.some((line) => line["method"] !== undefined),
    false,
  );
  const moved = join(dir, "access.log.1");
  renameSync(path, moved);
  umay.signal("SIGUSR2");
  await umay.logged(({ msg }) => msg === "the file of requests was opened anew");
  await ask(port, { path: "/b", headers });
  await becomes(lines, ({ length }) => length === 1, "lines of the new file");
  assert.equal(lines(moved).length, 2);
});
