import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { type Backend, startEchoBackend } from "../support/backend.ts";
import { testCertificates } from "../support/certificates.ts";
import { connectPlain, connectSecure, listenersToml, poolToml, turnedAway } from "../support/client.ts";
import type { Peer } from "../support/peer.ts";
import { becomes, settled } from "../support/settled.ts";
import { type LogLine, type RunningUmay, startUmay } from "../support/umay.ts";

const most = 20;

describe("max_connections, with two workers", () => {
  const resources = new AsyncDisposableStack();
  let umay: RunningUmay;
  let backend: Backend;

  before(async () => {
    backend = resources.use(await startEchoBackend());
    umay = resources.use(
      await startUmay(`
        workers = 2
        [admin]
        bind = "127.0.0.1:0"
        ${listenersToml("echo", await testCertificates(), `max_connections = ${most}`)}
        ${poolToml("echo", [backend.address])}`),
    );
  });
  afterEach(() => settled(umay));
  after(() => resources.disposeAsync());

  for (const [transport, connect] of [
    ["plain", connectPlain],
    ["tls13", connectSecure],
  ] as const)
    test(`admits exactly that many of 100 at once, and each that leaves makes room for one, over ${transport}`, async () => {
      const port = umay.port(transport);
      const rejected = (): Promise<number> =>
        umay.metric("umay_listener_rejected_total", { listener: transport, reason: "max_connections" });
      const before = await rejected();
      const admitted: Peer[] = [];
      const refused: string[] = [];
      const attempt = async (): Promise<void> => {
        try {
          const client = await connect(port);
          await client.write("in?");
          await client.read(3);
          admitted.push(client);
        } catch (error) {
          refused.push((error as NodeJS.ErrnoException).code ?? (error as Error).message);
        }
      };
      await Promise.all(Array.from({ length: 100 }, attempt));
      assert.equal(admitted.length, most);
      assert.equal(await rejected(), before + 100 - most);
      assert.equal((await umay.status()).listeners[transport]!.connections, most);

      for (const leaving of admitted.splice(0, 3)) {
        leaving.end();
        await leaving.ending();
      }
      const open = async (): Promise<number> => (await umay.status()).listeners[transport]!.connections;
      await becomes(open, (now) => now === most - 3, "open connections");
      for (let client = 0; client < 3; client++) await attempt();
      assert.equal(admitted.length, most);
      assert.equal(await turnedAway(connect(port)), "ECONNRESET");
      for (const client of admitted) client[Symbol.dispose]();
    });

  test("each listener has its own limit", async () => {
    const all = await Promise.all(
      ["plain", "tls12"].flatMap((listener) =>
        Array.from({ length: most }, () =>
          listener === "plain" ? connectPlain(umay.port(listener)) : connectSecure(umay.port(listener)),
        ),
      ),
    );
    for (const client of all) {
      await client.write("in");
      await client.read(2);
      client[Symbol.dispose]();
    }
  });

  test("refusals are logged, not more than once a second", async () => {
    const refusals = (): LogLine[] => umay.log.filter(({ reason }) => reason === "max_connections");
    const refused = await umay.metric("umay_listener_rejected_total");
    await becomes(
      () => refusals().reduce((sum, line) => sum + (line["refused"] as number), 0),
      (sum) => sum === refused,
      `refusals in the log, of ${refused}`,
    );
    const times = new Map<unknown, number>();
    for (const { level, listener, time } of refusals()) {
      const now = Date.parse(time as string);
      assert.equal(level, "warn");
      assert.ok(now - (times.get(listener) ?? 0) >= 900, "at most one line a second for each listener");
      times.set(listener, now);
    }
  });
});
