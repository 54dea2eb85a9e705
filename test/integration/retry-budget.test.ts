import assert from "node:assert/strict";
import { test } from "node:test";
import { startEchoBackend } from "../support/backend.ts";
import { connectPlain, poolToml, turnedAway } from "../support/client.ts";
import { freePorts } from "../support/free-ports.ts";
import { startFullBackend } from "../support/full-backend.ts";
import { patient } from "../support/patience.ts";
import { becomes, settled } from "../support/settled.ts";
import { type LogLine, type RunningUmay, startUmay } from "../support/umay.ts";

const toml = (workers: number, backends: readonly string[], settings: string): string => `
  workers = ${workers}
  admin = { bind = "127.0.0.1:0" }
  listeners.plain = { bind = "127.0.0.1:0", pool = "app" }
  ${poolToml("app", backends, `picker = "round-robin"\noutlier = { enabled = false }\n${settings}`)}`;

interface Attempt {
  readonly backend: string;
  readonly ms: number;
  readonly error?: string;
}

/** From when until when a session's last attempt was under way, in milliseconds since 1970. */
function lastAttempt(line: LogLine): { readonly from: number; readonly to: number } {
  const to = Date.parse(line["time"] as string);
  return { from: to - (line["attempts"] as Attempt[]).at(-1)!.ms, to };
}

/** Connects so many clients at the same time. @returns the lines of their sessions, once all have ended. */
async function crowd(umay: RunningUmay, count: number): Promise<readonly LogLine[]> {
  await Promise.all(Array.from({ length: count }, () => turnedAway(connectPlain(umay.port("plain")))));
  return await becomes(
    () => umay.sessions,
    (lines) => lines.length === count,
    "sessions that ended",
  );
}

test("a pool that does not answer gets few attempts more than it has sessions; the others wait a second for theirs", async () => {
  await using one = await startFullBackend();
  await using other = await startFullBackend();
  const settings = `connect = { timeout = "${patient(300)}ms" }\nretry_budget = { percent = 0, min = 2 }`;
  await using umay = await startUmay(toml(2, [one.address, other.address], settings));
  const lines = await crowd(umay, 16);
  const retried = lines.filter((line) => (line["attempts"] as Attempt[]).length === 2);
  const given = lines.filter((line) => line["reason"] === "retry_budget");
  assert.equal(retried.length + given.length, lines.length);
  assert.ok(
    retried.length >= 2 && given.length >= 6,
    `${retried.length} tried another one, ${given.length} not`,
  );
  for (const line of retried) assert.equal(line["reason"], "connect_failed");
  for (const line of given) {
    assert.deepEqual(
      (line["attempts"] as Attempt[]).map(({ error }) => error),
      ["timeout"],
    );
    assert.ok((line["queue_ms"] as number) >= 1_000);
    assert.deepEqual([line["origin"], line["pool"]], ["umay", "app"]);
  }
  // Exact over both workers: whenever one begins, there is at most one more. Lines are stamped a little late.
  const spans = retried.map(lastAttempt);
  for (const { from } of spans) {
    const under = spans.filter((span) => span.from <= from && span.to - 20 > from).length;
    assert.ok(under <= 2, `${under} retries at a time`);
  }
  assert.equal(await umay.metric("umay_pool_retries_total", { pool: "app" }), retried.length);
  assert.equal((await umay.status()).pools["app"]!.retries_total, retried.length);
  assert.equal(await umay.metric("umay_sessions_ended_total", { reason: "retry_budget" }), given.length);
});

test("without a budget nothing is tried twice, and nobody waits", async () => {
  const [closed] = await freePorts(1);
  await using echo = await startEchoBackend();
  const settings = "retry_budget = { percent = 0, min = 0 }";
  await using umay = await startUmay(toml(1, [`127.0.0.1:${closed}`, echo.address], settings));
  assert.equal(await turnedAway(connectPlain(umay.port("plain"))), "ECONNRESET");
  const line = await umay.session();
  assert.equal(line["reason"], "retry_budget");
  assert.deepEqual(
    (line["attempts"] as Attempt[]).map(({ error }) => error),
    ["ECONNREFUSED"],
  );
  assert.equal(line["queue_ms"], undefined);
});

test("the budget is a share of the pool's connections, and a burst that is over it waits its turn", async () => {
  const [closed] = await freePorts(1);
  await using echo = await startEchoBackend();
  const settings = "retry_budget = { percent = 10, min = 1 }";
  await using umay = await startUmay(toml(2, [`127.0.0.1:${closed}`, echo.address], settings));
  const answers = Array.from({ length: 100 }, async () => {
    using client = await connectPlain(umay.port("plain"));
    client.end("x");
    return String(await client.readToEnd());
  });
  assert.deepEqual(new Set(await Promise.all(answers)), new Set(["x"]));
  await settled(umay);
  assert.ok((await umay.metric("umay_pool_retries_total", { pool: "app" })) >= 40);
});
