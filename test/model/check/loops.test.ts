import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "../../../src/lib/address.ts";
import { leadsBack } from "../../../src/model/check/loops.ts";
import { problemLines } from "../../providers/toml/loading.ts";
import { chainTo } from "../../support/chains.ts";

function address(text: string) {
  const parsed = parseAddress(text);
  assert.ok(typeof parsed !== "string", text);
  return parsed;
}

/** Whether a backend of the one pool of one listener comes back to it. */
function comesBack(
  bind: string,
  backend: string,
  own: readonly string[] = ["192.0.2.7", "2001:db8::7"],
): boolean {
  const network = {
    listeners: [{ name: "web", chains: [chainTo("app")], addresses: [address(bind)] }],
    backendsOf: () => [],
    own: new Set(own),
  };
  return leadsBack("app", address(backend), network) === "web";
}

for (const [bind, backend, back] of [
  ["127.0.0.1:80", "127.0.0.1:80", true],
  ["127.0.0.1:80", "127.0.0.1:81", false],
  ["127.0.0.1:80", "127.0.0.2:80", false],
  ["127.0.0.1:80", "localhost:80", true],
  ["localhost:80", "[::1]:80", true],
  ["0.0.0.0:80", "127.8.8.8:80", true],
  ["0.0.0.0:80", "192.0.2.7:80", true],
  ["0.0.0.0:80", "192.0.2.8:80", false],
  ["0.0.0.0:80", "[2001:db8::7]:80", false],
  ["0.0.0.0:80", "app.example:80", false],
  ["[::]:80", "[2001:db8:0::7]:80", true],
  ["[::]:80", "192.0.2.7:80", true],
  ["[::]:80", "[::ffff:192.0.2.7]:80", true],
  ["[::]:80", "[2001:db8::8]:80", false],
  // The system connects to a loopback address in their place.
  ["127.0.0.1:80", "0.0.0.0:80", true],
  ["0.0.0.0:80", "0.0.0.0:80", true],
  ["127.0.0.2:80", "0.0.0.0:80", false],
  ["[::1]:80", "[::]:80", true],
  ["[::]:80", "[::1%lo]:80", true],
  ["[::]:80", "[2001:db8::7%eth0]:80", true],
  ["unix:/run/a", "unix:/run/a", true],
  ["unix:/run/a", "unix:/run/b", false],
] as const)
  test(`a backend ${backend} ${back ? "comes back" : "does not come back"} to a listener at ${bind}`, () =>
    assert.equal(comesBack(bind, backend), back));

test("a listener on one address takes its connections from the one on every address", () => {
  const at = (name: string, bind: string, to: string) => ({
    name,
    chains: [chainTo(to)],
    addresses: [address(bind)],
  });
  const backends: Readonly<Record<string, readonly string[]>> = { app: ["127.0.0.2:80"], other: [] };
  const network = {
    listeners: [at("every", "0.0.0.0:80", "app"), at("one", "127.0.0.2:80", "other")],
    backendsOf: (pool: string) => backends[pool]!.map((target) => ({ target: address(target) })),
    own: new Set<string>(),
  };
  assert.equal(leadsBack("app", address("127.0.0.2:80"), network), undefined);
  assert.equal(leadsBack("app", address("127.0.0.3:80"), network), "every");
});

test("a listener on every IPv6 address alone takes no IPv4", () => {
  const bind = { kind: "tcp", host: "::", port: 80, v6Only: true } as const;
  const network = {
    listeners: [{ name: "web", chains: [chainTo("app")], addresses: [bind] }],
    backendsOf: () => [],
    own: new Set<string>(),
  };
  assert.equal(leadsBack("app", address("127.0.0.1:80"), network), undefined);
  assert.equal(leadsBack("app", address("[::1]:80"), network), "web");
});

const listener = (name: string, port: number, pool: string): string =>
  `listeners.${name} = { bind = "127.0.0.1:${port}", pool = "${pool}" }\n`;
const pool = (name: string, ...ports: readonly number[]): string =>
  `pools.${name}.discovery = { type = "static", backends = ${JSON.stringify(ports.map((port) => `127.0.0.1:${port}`))} }\n`;

test("a configured backend that comes back, by way of other listeners or not, is an error at its place", async () => {
  const loop = listener("a", 81, "a") + listener("b", 82, "b") + pool("a", 90, 82) + pool("b", 81);
  const [first, second, ...others] = await problemLines(loop);
  assert.match(
    first!,
    /^error umay\.toml:3:\d+ pools\.a\.discovery\.backends\[1\]: 127\.0\.0\.1:82 is where listeners\.b accepts/,
  );
  assert.match(
    second!,
    /^error umay\.toml:4:\d+ pools\.b\.discovery\.backends\[0\]: 127\.0\.0\.1:81 is where/,
  );
  assert.deepEqual(others, []);
});

test("a listener may lead to another one", async () => {
  const chain = listener("a", 81, "a") + listener("b", 82, "b") + pool("a", 82) + pool("b", 90);
  assert.deepEqual(await problemLines(chain), []);
});
