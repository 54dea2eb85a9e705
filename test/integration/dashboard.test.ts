import assert from "node:assert/strict";
import { test } from "node:test";
import { startEchoBackend } from "../support/backend.ts";
import { noBrowser, Page } from "../support/browser.ts";
import { connectPlain, poolToml } from "../support/client.ts";
import { freePorts } from "../support/free-ports.ts";
import { ask, startHttpBackend, tellRequest } from "../support/http.ts";
import { becomes } from "../support/settled.ts";
import { echoed } from "../support/talk.ts";
import { startUmay } from "../support/umay.ts";

/** The text of each cell of the backends' rows, of every pool. */
const rows = `[...document.querySelectorAll("[aria-label=pools] tbody tr:not(.pool)")].map(
  (row) => [...row.cells].map((cell) => cell.textContent))`;

test("the dashboard shows in a browser what is up and what is not, why, and drains", {
  skip: noBrowser,
}, async () => {
  await using good = await startEchoBackend();
  await using other = await startEchoBackend();
  const [closed] = await freePorts(1);
  await using umay = await startUmay(`
    workers = 1
    admin = { bind = "127.0.0.1:0" }
    listeners.plain = { bind = "127.0.0.1:0", pool = "echo" }
    listeners.second = { bind = "127.0.0.1:0", pool = "second" }
    ${poolToml("echo", [good.address, `127.0.0.1:${closed}`], 'health = { type = "tcp", interval = "200ms", fall = 1 }')}
    ${poolToml("second", [other.address])}`);
  const client = await connectPlain(umay.port("plain"));
  await echoed(client);
  await using page = await Page.open(umay.admin, 1200);
  const seen = (): Promise<string[][]> => page.evaluate<string[][]>(rows);
  await becomes(
    seen,
    (now) => now.length === 3 && now[1]![1]!.startsWith("down"),
    "the backend that is down",
  );
  const [up, down] = await seen();
  assert.equal(up![0], good.address);
  assert.match(up![1]!, /^up/);
  assert.match(down![3]!, /ECONNREFUSED/);
  assert.match(down![2]!, /\d+(\.\d)? s|ms/);

  // One grid: the cells of all pools begin at the same places.
  const columns = await page.evaluate<number[][]>(
    `[...document.querySelectorAll("[aria-label=pools] tbody tr:not(.pool)")].map(
       (row) => [...row.cells].map((cell) => Math.round(cell.getBoundingClientRect().left)))`,
  );
  assert.deepEqual(columns[0], columns[2]);
  assert.match(await page.evaluate<string>("document.title"), / – umay$/);
  assert.match(
    await page.evaluate<string>("document.getElementById('process').textContent"),
    /^ready · 1 of /,
  );
  await becomes(
    () => page.evaluate<number>("document.querySelectorAll('#lines polyline').length"),
    (lines) => lines === 5,
    "the small lines",
  );

  // Draining is confirmed; the last healthy one is asked about twice.
  await page.evaluate(
    "window.asked = []; window.confirm = (text) => { asked.push(text); return asked.length < 2; }; 0",
  );
  await page.evaluate("document.querySelector('[aria-label=pools] button').click()");
  await becomes(
    () => page.evaluate<number>("asked.length"),
    (count) => count === 2,
    "the second question",
  );
  assert.match((await page.evaluate<string[]>("asked"))[1]!, /is the last healthy backend of pool echo/);
  assert.equal((await umay.status()).pools["echo"]!.backends[0]!.state, "up");
  await page.evaluate("window.confirm = () => true; 0");
  await page.evaluate("document.querySelector('[aria-label=pools] button').click()");
  await becomes(
    seen,
    (now) => now[0]![1]!.startsWith("draining") && now[0]![3] === "drained by hand",
    "the drain",
  );

  await page.evaluate("filter.value = 'second'; filter.oninput(); 0");
  assert.deepEqual(
    (await seen()).map(([address]) => address),
    [other.address],
  );
  assert.ok(
    page.requests.every((url) => url.startsWith(umay.admin)),
    page.requests.join(),
  );
  // The browser itself asks for an icon and logs that there is none, and that the drain was refused.
  assert.deepEqual(
    page.complaints.filter((text) => !/status of (404|409)/.test(text)),
    [],
  );
  client.end();
});

test("on a small screen the dashboard has cards and nothing is cut off", { skip: noBrowser }, async () => {
  await using backend = await startEchoBackend();
  await using umay = await startUmay(`
    workers = 1
    admin = { bind = "127.0.0.1:0" }
    listeners.plain = { bind = "127.0.0.1:0", pool = "echo" }
    ${poolToml("echo", [backend.address])}`);
  await using page = await Page.open(umay.admin, 390, true);
  await becomes(
    () => page.evaluate<string[][]>(rows),
    (now) => now.length === 1,
    "the backend",
  );
  const [whole, seen] = await page.evaluate<number[]>("[document.documentElement.scrollWidth, innerWidth]");
  assert.equal(whole, seen);
  assert.equal(
    await page.evaluate("getComputedStyle(document.querySelector('[aria-label=pools] td')).display"),
    "flex",
  );
});

test("routes of HTTP are listed with their requests, also on paper", { skip: noBrowser }, async () => {
  await using app = await startHttpBackend(tellRequest("app"));
  await using umay = await startUmay(`
    workers = 1
    admin = { bind = "127.0.0.1:0" }
    listeners.web = { bind = "127.0.0.1:0", mode = "http", pool = "app" }
    listeners.bare = { bind = "127.0.0.1:0", mode = "http" }
    listeners.plain = { bind = "127.0.0.1:0", mode = "http", https_redirect = {} }
    routes.all = { pool = "app" }
    ${poolToml("app", [app.address])}`);
  assert.equal((await ask(umay.port("web"))).status, 200);
  await using page = await Page.open(umay.admin, 1200);
  const cells = (): Promise<string[]> =>
    page.evaluate<string[]>(
      `[...document.querySelectorAll("[aria-label=Requests] tbody td")].map((cell) => cell.textContent)`,
    );
  const shown = await becomes(cells, ([name]) => name === "route all", "the route");
  assert.deepEqual([shown[1], shown[3]], ["0", "1"]);
  const all = shown.indexOf("listener web, all");
  assert.equal(shown[all + 3], "1");
  assert.deepEqual(
    await page.evaluate(
      `[...document.querySelectorAll("[aria-label=Routes] tbody tr")].map((row) => row.cells[0].textContent + ": " + row.cells[2].textContent)`,
    ),
    ["web: their routes, else app", "bare: their routes, else 404", "plain: their routes, else a redirect"],
  );
  assert.match(shown[4]!, / \/ /);
  await page.print();
  const visible = (selector: string): Promise<string> =>
    page.evaluate<string>(`getComputedStyle(document.querySelector("${selector}")).display`);
  assert.equal(await visible("[aria-label=Requests]"), "table");
  assert.equal(await visible("#filter"), "none");
});
