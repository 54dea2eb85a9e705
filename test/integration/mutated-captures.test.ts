import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import { startEchoBackend } from "../support/backend.ts";
import { captures, mutationsOf } from "../support/captures.ts";
import { type CertificatePair, testCertificates } from "../support/certificates.ts";
import { connectSecure, poolToml } from "../support/client.ts";
import { patient } from "../support/patience.ts";
import { soon } from "../support/peer.ts";
import { becomes, residentBytes, settled } from "../support/settled.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

const hellos = [...captures("hello").values()];
const headers = [...captures("header").values()];
const perListener = 150;
/** The memory that sessions may leave behind until it is collected, many times over. */
const mostGrowth = 100 * 2 ** 20;

/** The bytes that each listener is sent. */
const listeners: Readonly<Record<string, fc.Arbitrary<Buffer>>> = {
  tls: mutationsOf(hellos),
  names: mutationsOf(hellos),
  passing: mutationsOf(hellos),
  detecting: mutationsOf(hellos),
  introduced: mutationsOf(headers),
  both: fc
    .tuple(mutationsOf(headers), mutationsOf(hellos))
    .map(([header, hello]) => Buffer.concat([header, hello])),
};

function toml(backend: string, { ecdsa, otherName }: Record<"ecdsa" | "otherName", CertificatePair>): string {
  const pair = ({ cert, key }: CertificatePair): string => `{ cert = "${cert}", key = "${key}" }`;
  const settings: Readonly<Record<string, string>> = {
    tls: `tls.certificates = [${pair(ecdsa)}]`,
    names: `tls = { strict_sni = true, certificates = [${pair(ecdsa)}, ${pair(otherName)}] }`,
    passing: 'mode = "passthrough"',
    detecting: `detect = true\ntls.certificates = [${pair(ecdsa)}]`,
    introduced: `proxy_protocol = { trust = ["127.0.0.1"], timeout = "${patient(300)}ms" }`,
    both: `proxy_protocol = { trust = ["127.0.0.1"], timeout = "${patient(300)}ms" }\ntls.certificates = [${pair(ecdsa)}]`,
  };
  const tables = Object.keys(listeners).map(
    (name) => `[listeners.${name}]
      bind = "127.0.0.1:0"
      pool = "echo"
      timeouts = { handshake = "${patient(300)}ms" }
      ${settings[name]}`,
  );
  return `
    workers = 2
    log.level = "debug"
    admin.bind = "127.0.0.1:0"
    ${tables.join("\n")}
    ${poolToml("echo", [backend])}`;
}

/** Sends bytes in pieces and ends, or leaves it to umay to end. */
async function send(port: number, bytes: Buffer, pieces: number, ends: boolean): Promise<void> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  socket.on("error", () => {});
  const closed = new Promise((resolve) => socket.once("close", resolve));
  const size = Math.ceil(bytes.length / pieces) || 1;
  for (let start = 0; start < bytes.length; start += size) {
    socket.write(bytes.subarray(start, start + size));
    await nextTurn();
  }
  if (ends) socket.end();
  else setTimeout(() => socket.end(), patient(400)).unref();
  socket.resume();
  await soon(closed, `the end of a connection that began with ${bytes.toString("hex")}`);
}

describe("mutations of what real clients and proxies send", () => {
  const seed = Date.now() % 2 ** 31;
  const resources = new AsyncDisposableStack();
  let umay: RunningUmay;

  before(async () => {
    const backend = resources.use(await startEchoBackend());
    umay = resources.use(await startUmay(toml(backend.address, await testCertificates())));
  });
  after(() => resources.disposeAsync());

  for (const [listener, arbitrary] of Object.entries(listeners))
    test(`each ends with one reason that is counted and logged, on listener ${listener} (seed ${seed})`, async () => {
      const runs = fc.sample(fc.tuple(arbitrary, fc.integer({ min: 1, max: 4 }), fc.nat(9)), {
        numRuns: perListener,
        seed,
      });
      const waiting = runs.values();
      const memory = residentBytes(umay.pid);
      await Promise.all(
        Array.from({ length: 25 }, async () => {
          for (const [bytes, pieces, luck] of waiting)
            await send(umay.port(listener), bytes, pieces, luck > 0);
        }),
      );
      await settled(umay);
      const lines = () => umay.sessions.filter((line) => line["listener"] === listener);
      await becomes(
        () => lines().length,
        (count) => count >= perListener,
        "session lines",
      );
      assert.equal(lines().length, perListener);
      assert.equal(await umay.metric("umay_sessions_ended_total", { listener }), perListener);
      assert.equal(await umay.metric("umay_listener_connections_total", { listener }), perListener);
      const grown = residentBytes(umay.pid) - memory;
      assert.ok(grown < mostGrowth, `memory grew by ${grown} bytes`);
    });

  test("they differ in how they end", () => {
    const outcomes = new Set(
      umay.sessions.map((line) => line["tls_error"] ?? line["proxy_error"] ?? line["reason"]),
    );
    assert.ok(outcomes.size > 40, `mutations are too much alike: ${[...outcomes].join("; ")}`);
  });

  test("none of them harms a worker, or those that come after", async () => {
    assert.equal(await umay.metric("umay_worker_restarts_total"), 0);
    assert.deepEqual(
      umay.log.filter(({ level }) => level === "error" || level === "fatal"),
      [],
    );
    using client = await connectSecure(umay.port("tls"));
    client.end("still there?");
    assert.equal(String(await client.readToEnd()), "still there?");
  });
});
