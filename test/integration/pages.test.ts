import assert from "node:assert/strict";
import { mkdtempDisposableSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ask } from "../support/http.ts";
import { becomes } from "../support/settled.ts";
import { startUmay } from "../support/umay.ts";

test("changed pages are served without a reload, and one that is gone as it was", async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-pages-"));
  const file = (name: string): string => join(dir.path, name);
  writeFileSync(file("404.html"), "first");
  writeFileSync(file("robots.txt"), "first");
  await using umay = await startUmay(`
    workers = 2
    admin.bind = "127.0.0.1:0"
    [listeners.web]
    bind = "127.0.0.1:0"
    mode = "http"
    errors = { 404 = { file = "${file("404.html")}" } }
    [routes.robots]
    path = "/robots.txt"
    respond.file = "${file("robots.txt")}"`);
  const body = async (path: string): Promise<string> => (await ask(umay.port("web"), { path })).body;
  const serves = (path: string, text: string): Promise<string> =>
    becomes(
      () => body(path),
      (found) => found === text,
      path,
    );
  assert.deepEqual([await body("/"), await body("/robots.txt")], ["first", "first"]);
  writeFileSync(file("404.html"), "second");
  await serves("/", "second");
  writeFileSync(file("robots.txt"), "second");
  await serves("/robots.txt", "second");
  rmSync(file("404.html"));
  const { msg, page } = await umay.logged(({ level }) => level === "error");
  assert.match(msg, /^a renewed file can't be used, .*404\.html does not exist/);
  assert.equal(page, file("404.html"));
  assert.equal(await body("/"), "second");
  assert.equal(await umay.metric("umay_page_reloads_total", { result: "applied" }), 2);
  assert.equal(await umay.metric("umay_page_reloads_total", { result: "failed" }), 1);
});
