import assert from "node:assert/strict";
import { test } from "node:test";
import { loadModel, problemLines } from "./loading.ts";

const pools = `[pools.a]
discovery = { type = "static", backends = ["10.0.0.1:80"] }
[pools.b]
discovery = { type = "static", backends = ["10.0.0.2:80"] }`;

const listener = (lines: string): string =>
  `[listeners.web]\nbind = "127.0.0.1:4000"\npool = "a"\n${lines}\n${pools}`;

for (const [what, lines, message] of [
  [
    "to a pool that nobody defined",
    'mode = "passthrough"\nroutes = [{ sni = ["x.test"], pool = "c" }]',
    /routes\[0\]\.pool.*no pool is named "c"/,
  ],
  ["by name without TLS", 'routes = [{ sni = ["x.test"], pool = "b" }]', /routes\[0\]\.sni: needs TLS/],
  ["by protocol without detection", 'routes = [{ protocol = ["http1"], pool = "b" }]', /needs detect = true/],
  [
    "by an address where a name belongs",
    'mode = "passthrough"\nroutes = [{ sni = ["10.0.0.1"], pool = "b" }]',
    /"10\.0\.0\.1" is an IP address, which clients never send/,
  ],
  [
    "by a pattern with a star in the middle",
    'mode = "passthrough"\nroutes = [{ sni = ["a.*.test"], pool = "b" }]',
    /expected a name, such as "api\.example\.com" or "\*\.example\.com"/,
  ],
] as const)
  test(`a route ${what} is an error that says so`, async () => {
    assert.match((await problemLines(listener(lines))).join("\n"), message);
  });

test("a route that takes everything is worth a warning", async () => {
  const lines = await problemLines(listener('mode = "passthrough"\nroutes = [{ pool = "b" }]'));
  assert.match(lines.join("\n"), /warning.*routes\[0\].*has no condition/);
});

test("names of routes are read in lower case and without a trailing dot", async () => {
  const model = await loadModel(
    listener('mode = "passthrough"\nroutes = [{ sni = ["API.Example.com.", "*.X.test"], pool = "b" }]'),
  );
  assert.deepEqual(model.listeners[0]?.chains[0]?.match.sni, ["api.example.com", "*.x.test"]);
});
