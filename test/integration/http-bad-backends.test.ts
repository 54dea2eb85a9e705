import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { BadBackend, badModes, type ModeName } from "../support/bad-backend.ts";
import { poolToml } from "../support/client.ts";
import { HttpClient, type Received } from "../support/http-client.ts";
import { becomes, openFiles, settled } from "../support/settled.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

const methods = ["GET", "HEAD", "POST", "PUT"] as const;
type Method = (typeof methods)[number];

/** The outcome of requests to a bad backend. */
interface Outcome {
  /** Of umay's own answer; "cut": the head was passed on, and the rest is missing; "served": it is complete. */
  readonly status: number | "cut" | "served";
  readonly reason: string;
  readonly detail?: string;
  /** The outcome of HEAD, whose answer has no body to break; without it, the same. */
  readonly head?: "served";
  /** On a connection that had served before, nothing came in answer: what may be sent twice is. */
  readonly stale?: true;
}

const served: Outcome = { status: "served", reason: "served" };
const bad = (detail: string): Outcome => ({ status: 502, reason: "bad_response", detail });
const cut = (reason: string): Outcome => ({ status: "cut", reason, head: "served" });
const stale = (reason: string, detail?: string): Outcome => ({
  status: 502,
  reason,
  stale: true,
  ...(detail !== undefined && { detail }),
});
const closed: Outcome = { status: 502, reason: "backend_closed", detail: "cut_short" };
const reset: Outcome = { status: 502, reason: "backend_reset" };

const outcomes: Readonly<Record<ModeName, Outcome>> = {
  "fin-on-connect": closed,
  "reset-on-request": stale("backend_reset"),
  "fin-on-request": stale("backend_closed", "cut_short"),
  "reset-on-whole": stale("backend_reset"),
  "fin-on-whole": stale("backend_closed", "cut_short"),
  "reset-in-status": reset,
  "fin-in-status": closed,
  "fin-in-head": closed,
  "reset-in-head": reset,
  "fin-behind-head": cut("backend_closed"),
  "reset-behind-head": cut("backend_reset"),
  "fin-in-length": cut("backend_closed"),
  "reset-in-length": cut("backend_reset"),
  "fin-in-chunk": cut("backend_closed"),
  "reset-in-chunk": cut("backend_reset"),
  "fin-between-chunks": cut("backend_closed"),
  "reset-between-chunks": cut("backend_reset"),
  "fin-in-last-chunk": cut("backend_closed"),
  "reset-until-close": cut("backend_reset"),
  "chunk-without-size": { ...bad("bad_chunk"), head: "served" },
  "too-long": served,
  "garbage-behind": served,
  "body-behind-204": served,
  "second-answer": served,
  "answer-later": served,
  "interim-for-ever": bad("too_many_interim"),
  "head-too-large": { status: 502, reason: "response_head_too_large", detail: "head_too_large" },
  "head-without-end": { status: 502, reason: "response_head_too_large", detail: "too_many_fields" },
  "too-many-fields": { status: 502, reason: "response_head_too_large", detail: "too_many_fields" },
  silent: { status: 504, reason: "first_byte_timeout" },
  "silent-in-body": cut("idle_timeout"),
  "slow-drip": served,
  "early-answer": served,
  "cl-and-te": bad("cl_te"),
  "two-lengths": bad("cl_twice"),
  "two-codings": bad("te_twice"),
  "unknown-coding": bad("te_unknown"),
  "length-with-sign": bad("bad_content_length"),
  "bare-lf": bad("bare_lf"),
  "folded-field": bad("obs_fold"),
  "nul-in-value": bad("control_byte"),
  "blank-before-colon": bad("blank_before_colon"),
  "not-http": bad("bad_status_line"),
  "http-2": bad("bad_status_line"),
  "status-of-two-digits": bad("bad_status_line"),
  "unasked-switch": bad("unasked_switch"),
};

/** The connection ended without an answer. */
const lost: ReadonlySet<string> = new Set(["backend_reset", "backend_closed"]);

const names = Object.keys(badModes) as ModeName[];

describe("whatever a backend does wrong", { concurrency: 4 }, () => {
  const stack = new AsyncDisposableStack();
  const backends = new Map<ModeName, BadBackend>();
  let umay: RunningUmay;
  let files: number;

  before(async () => {
    for (const name of names) backends.set(name, stack.use(await BadBackend.start(name)));
    umay = stack.use(await startUmay(configuration(backends)));
    files = openFiles(umay.pid);
  });
  after(() => stack.disposeAsync());

  for (const name of names)
    test(`${name}: the client learns of it, and no POST is sent twice`, async () => {
      for (const method of methods) await check(name, method, "new");
      await check(name, "GET", "old");
      if (!("onConnect" in badModes[name])) for (const method of methods) await check(name, method, "kept");
    });

  for (const name of names)
    test(`${name}: what may be sent again is, where the route says so, and a POST is not`, async () => {
      for (const method of methods) await check(name, method, "new", "retried.example");
      if (!("onConnect" in badModes[name]))
        for (const method of methods) await check(name, method, "kept", "retried.example");
    });

  test("nothing is left open", async () => {
    await settled(umay);
    await becomes(
      () => openFiles(umay.pid),
      (open) => open <= files,
      `files, ${files} at first`,
    );
    assert.equal(await umay.metric("umay_backend_connections"), 0);
  });

  /** @param how over a connection that has served, or over a new one, or as a client of HTTP/1.0. */
  async function check(
    name: ModeName,
    method: Method,
    how: "new" | "kept" | "old",
    host: "a.example" | "retried.example" = "a.example",
  ): Promise<void> {
    const retried = host === "retried.example";
    const path = `/${name}/${method}-${how}${retried ? "-retried" : ""}`;
    using client = await HttpClient.connect(umay.port("web"));
    if (how === "kept") await good(client, name);
    const body = method === "POST" || method === "PUT" ? "0123456789" : "";
    const length = body === "" ? "" : `content-length: ${body.length}\r\n`;
    client.write(
      `${method} ${path} HTTP/1.${how === "old" ? 0 : 1}\r\nhost: ${host}\r\n${length}\r\n${body}`,
    );
    const response = await client.response(method);
    const outcome = outcomes[name];
    const isHead = method === "HEAD" && outcome.head !== undefined;
    await checkClient(client, response, isHead ? served : outcome, `${path}: ${response.body.toString()}`);
    const line = await umay.logged((one) => one["path"] === path && one["reason"] !== undefined);
    const { reason, detail } = isHead ? served : outcome;
    assert.equal(line["reason"], reason, path);
    if (outcome.status !== "cut") assert.equal(line["detail"], detail, path);
    const isRepeated = outcome.stale && how === "kept" && body === "";
    const isRetried = retried && method !== "POST" && lost.has(outcome.reason) && outcome.status !== "cut";
    const times = isRetried ? 3 : isRepeated ? 2 : 1;
    assert.equal(backends.get(name)!.seen(path), times, `times that ${path} was sent`);
    if (how === "old") assert.deepEqual(response.interim, [], "interim responses came after HTTP/1.0");
    await backends.get(name)!.quiet();
    if (how === "kept" && response.isComplete && response.fields.get("connection") !== "close")
      await good(client, name);
  }

  async function good(client: HttpClient, name: ModeName): Promise<void> {
    client.write(`GET /${name}/good HTTP/1.1\r\nhost: a.example\r\n\r\n`);
    const { status, body } = await client.response();
    assert.deepEqual([status, body.toString()], [200, "good"], `a sound request after ${name}`);
  }

  async function checkClient(
    client: HttpClient,
    { status, isComplete, fields }: Received,
    outcome: Outcome,
    what: string,
  ): Promise<void> {
    if (outcome.status === "cut") {
      assert.equal(isComplete, false, `${what} looks complete`);
      assert.equal(await client.ending(), "ECONNRESET", what);
    } else {
      assert.equal(isComplete, true, `${what} is not complete`);
      if (outcome.status !== "served") assert.equal(status, outcome.status, what);
      else assert.ok(status === 200 || status === 204, what);
      assert.equal(fields.has("x"), false, what);
    }
  }
});

const settings = 'http.idle = "500ms"\noutlier.enabled = false\nretry_budget.min = 100';

function configuration(backends: ReadonlyMap<ModeName, BadBackend>): string {
  const tables = [...backends].map(([name, { address }]) => {
    const timeouts =
      name === "silent" ? 'first_byte = "200ms"' : name === "silent-in-body" ? 'idle = "200ms"' : "";
    return `
      [routes.${name}]
      path_prefix = "/${name}"
      pool = "${name}"
      timeouts = { ${timeouts} }
      [routes.${name}-retried]
      hosts = ["retried.example"]
      path_prefix = "/${name}"
      pool = "${name}"
      timeouts = { ${timeouts} }
      retry = { backoff = { base = "1ms", max = "1ms" } }
      ${poolToml(name, [address], settings)}`;
  });
  return `
    workers = 1
    log = { level = "info" }
    admin = { bind = "127.0.0.1:0" }
    [listeners.web]
    bind = "127.0.0.1:0"
    mode = "http"
    ${tables.join("\n")}`;
}
