import assert from "node:assert/strict";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { type Backend, startEchoBackend } from "../support/backend.ts";
import { testCertificates } from "../support/certificates.ts";
import { connectPlain, connectSecure } from "../support/client.ts";
import { freePorts } from "../support/free-ports.ts";
import type { Peer } from "../support/peer.ts";
import { becomes, settled } from "../support/settled.ts";
import { echoed, endingOf, farewell } from "../support/talk.ts";
import { startUmay } from "../support/umay.ts";

const names = ["a", "b", "c", "d"] as const;
const ports = await freePorts(names.length);
const { ecdsa } = await testCertificates();

/** Which port each listener has, with TLS or without, and which pool; and each pool's backends, by their numbers. */
const wanted = fc.record({
  listeners: fc.uniqueArray(
    fc.record({
      name: fc.constantFrom(...names),
      place: fc.nat(names.length - 1),
      tls: fc.boolean(),
      pool: fc.nat(),
    }),
    { minLength: 1, maxLength: 4, selector: ({ name }) => name },
  ),
  pools: fc.uniqueArray(
    fc.record({
      name: fc.constantFrom("p", "q", "r"),
      picker: fc.constantFrom("round-robin", "least-connection", "consistent-hash"),
      backends: fc.uniqueArray(fc.nat(2), { minLength: 1, maxLength: 3 }),
      removal: fc.constantFrom("keep", "drain 1h"),
    }),
    { minLength: 1, maxLength: 3, selector: ({ name }) => name },
  ),
});

interface Served {
  readonly port: number;
  readonly tls: boolean;
  readonly backends: readonly Backend[];
}

interface Configuration {
  readonly toml: string;
  readonly served: readonly Served[];
}

function configure(
  { listeners, pools }: typeof wanted extends fc.Arbitrary<infer T> ? T : never,
  backends: readonly Backend[],
): Configuration {
  const served = new Map<number, Served>();
  let toml = `workers = 2\n[admin]\nbind = "127.0.0.1:0"\n`;
  for (const { name, place, tls, pool } of listeners) {
    const port = ports[place]!;
    if (served.has(port)) continue;
    const target = pools[pool % pools.length]!;
    served.set(port, { port, tls, backends: target.backends.map((number) => backends[number]!) });
    toml += `[listeners.${name}]\nbind = "127.0.0.1:${port}"\npool = "${target.name}"\n`;
    if (tls) toml += `tls = { certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }] }\n`;
  }
  for (const { name, picker, removal, backends: numbers } of pools) {
    const addresses = JSON.stringify(numbers.map((number) => backends[number]!.address));
    toml += `[pools.${name}]\npicker = "${picker}"\nremoval = "${removal}"\n`;
    toml += `discovery = { type = "static", backends = ${addresses} }\n`;
  }
  return { toml, served: [...served.values()] };
}

test("after any change every listener serves what it is to serve, and every session goes on", async (t) => {
  await using stack = new AsyncDisposableStack();
  const backends: Backend[] = [];
  for (let count = 0; count < 3; count++) backends.push(stack.use(await startEchoBackend()));
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-"));
  const file = join(dir.path, "umay.toml");
  const seed = Date.now() | 0;
  t.diagnostic(`seed ${seed}`);
  const [first, ...steps] = fc.sample(wanted, { numRuns: 40, seed }).map((one) => configure(one, backends));
  writeFileSync(file, first!.toml);
  await using umay = await startUmay("", { args: ["--config", file] });
  const held: Peer[] = [];
  for (const { toml, served } of [first!, ...steps]) {
    writeFileSync(file, toml);
    const response = await fetch(`${umay.admin}/reload`, { method: "POST" });
    assert.equal(response.status, 200, `${await response.text()}\n${toml}`);
    for (const { port, tls, backends: expected } of served) {
      const before = backends.map(({ peers }) => peers.length);
      const client = await (tls ? connectSecure(port) : connectPlain(port));
      await echoed(client);
      const [took] = backends.filter(({ peers }, index) => peers.length > before[index]!);
      assert.ok(expected.includes(took!), `port ${port} is served by ${took?.address}\n${toml}`);
      held.push(client);
    }
    for (const port of ports)
      if (served.every((each) => each.port !== port))
        assert.equal(await endingOf(connectPlain(port)), "ECONNREFUSED", `port ${port}\n${toml}`);
  }
  for (const client of held) await echoed(client, "still there");
  for (const client of held) await farewell(client);
  await settled(umay);
  const strange = await becomes(
    () => umay.sessions.map(({ reason }) => reason),
    (reasons) => reasons.length >= held.length,
    "lines of sessions",
  );
  assert.deepEqual(new Set(strange), new Set(["client_closed"]));
  // Nobody was forgotten: what is open and what was counted agree.
  assert.equal(await umay.metric("umay_connections"), 0);
  assert.equal(await umay.metric("umay_worker_connections"), 0);
});
