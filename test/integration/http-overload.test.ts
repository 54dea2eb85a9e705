import assert from "node:assert/strict";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { poolToml } from "../support/client.ts";
import { crowd, type Served } from "../support/http-crowd.ts";
import { becomes } from "../support/settled.ts";
import { TimedBackend } from "../support/timed-backend.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

const limitMs = 300;

describe("a worker with too little time or memory for what it has", () => {
  const resources = new AsyncDisposableStack();
  const folder = mkdtempDisposableSync(join(tmpdir(), "umay-overload-"));
  const file = join(folder.path, "umay.toml");
  let backend: TimedBackend;
  let umay: RunningUmay;

  const write = (overload: string): void =>
    writeFileSync(
      file,
      `workers = 1
      admin.bind = "127.0.0.1:0"
      overload = { ${overload} }
      [listeners.web]
      bind = "127.0.0.1:0"
      mode = "http"
      pool = "app"
      [routes.health]
      path_prefix = "/health"
      respond = { body = "fine" }
      ${poolToml("app", [backend.address])}`,
    );

  before(async () => {
    resources.defer(() => folder.remove());
    backend = resources.use(await TimedBackend.start());
    write(`event_loop_delay = "${limitMs}ms", memory = "off"`);
    umay = resources.use(
      await startUmay("", { args: ["--config", file], nodeArgs: ["--max-old-space-size=64"] }),
    );
  });
  after(() => resources.disposeAsync());

  const ask = (path: string, requests: number, pause = 0): Promise<readonly Served[]> =>
    crowd(umay.port("web"), { clients: 1, requests, path, pause });

  test("that is late again and again refuses a share, and takes all when it is in time again", async () => {
    // As on a machine that has no CPU for it: most of the time it does not run.
    for (let round = 0; round < 6; round++) {
      umay.signal("SIGSTOP");
      await sleep(1.5 * limitMs);
      umay.signal("SIGCONT");
      await sleep(40);
    }
    const outcomes = await ask("/app", 100, 15);
    const refused = outcomes.filter(({ status }) => status !== 200);
    assert.ok(refused.length > 0 && refused.length < 100, `${refused.length} of 100 were refused`);
    for (const { status, reason } of refused) assert.deepEqual([status, reason], [503, "overloaded"]);
    for (const { status } of await ask("/health", 20)) assert.equal(status, 200);
    assert.equal((await umay.readiness()).status, 200);
    await becomes(
      () => umay.metric("umay_worker_shed_ratio"),
      (share) => share === 0,
      "the share that is refused",
      30_000,
    );
    for (const { status } of await ask("/app", 20)) assert.equal(status, 200);
  });

  test("whose heap is full to its limit refuses all that needs a backend, until there is room again", async () => {
    const statusOf = async (path: string): Promise<number> => (await ask(path, 1))[0]!.status;
    const reload = async (overload: string): Promise<void> => {
      write(overload);
      assert.equal((await fetch(`${umay.admin}/reload`, { method: "POST" })).status, 200);
    };
    await reload('event_loop_delay = "off", memory = 10');
    await becomes(
      () => statusOf("/app"),
      (status) => status === 503,
      "the status of a request",
    );
    assert.equal(await statusOf("/health"), 200);
    assert.equal((await umay.readiness()).status, 200);
    await reload('event_loop_delay = "off", memory = "off"');
    await becomes(
      () => statusOf("/app"),
      (status) => status === 200,
      "the status of a request",
    );
  });
});
