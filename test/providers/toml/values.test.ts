import assert from "node:assert/strict";
import { test } from "node:test";
import { load, loadModel, smallest } from "./loading.ts";

/** Whether a value is accepted, put in place of one that is good. */
async function accepts(text: string, path: string): Promise<boolean> {
  const { model, problems } = await load(text);
  if (model !== undefined) return true;
  assert.deepEqual(
    problems.map((problem) => problem.path),
    [path],
  );
  return false;
}

const tables = {
  "listeners.echo.timeouts.idle": "[listeners.echo.timeouts]\nidle",
  "listeners.echo.timeouts.handshake": "[listeners.echo.timeouts]\nhandshake",
  "listeners.echo.timeouts.half_close": "[listeners.echo.timeouts]\nhalf_close",
  "pools.echo.connect.timeout": "[pools.echo.connect]\ntimeout",
  "pools.echo.connect.attempts": "[pools.echo.connect]\nattempts",
  "shutdown.delay": "[shutdown]\ndelay",
  "shutdown.timeout": "[shutdown]\ntimeout",
  "pools.echo.picker.bounded_load": '[pools.echo.picker]\ntype = "consistent-hash"\nbounded_load',
};

for (const [path, good, bad] of [
  [
    "listeners.echo.timeouts.idle",
    ['"1ms"', '"24d"', '"576h"'],
    ['"0s"', '"25d"', '"577h"', '"-1s"', "5", "true", '""'],
  ],
  ["listeners.echo.timeouts.handshake", ['"250ms"'], ['"0ms"', "[]"]],
  ["listeners.echo.timeouts.half_close", ['"60s"'], ['"0h"', "{}"]],
  ["pools.echo.connect.timeout", ['"5s"'], ['"0s"', "inf"]],
  ["pools.echo.connect.attempts", ["1", "16"], ["0", "17", "-1", "1.5", '"3"', "nan"]],
  ["shutdown.delay", ['"0s"', '"24d"'], ['"25d"']],
  ["shutdown.timeout", ['"0s"'], ["0"]],
  ["pools.echo.picker.bounded_load", ["1.1", "2", "100.0"], ["1.0", "101", "inf", '"2"']],
] as const) {
  test(`${path} takes ${good.join(", ")}, and not ${bad.join(", ")}`, async () => {
    for (const value of good)
      assert.ok(await accepts(`${smallest}${tables[path]} = ${value}\n`, path), value);
    for (const value of bad)
      assert.ok(!(await accepts(`${smallest}${tables[path]} = ${value}\n`, path)), value);
  });
}

for (const [address, message] of [
  ["127.0.0.1", "has no port; write host:port"],
  [":80", "has no host before the port (0.0.0.0 is every IPv4 address, [::] every address)"],
  ["::1:80", "has an IPv6 address without brackets; write [address]:port"],
  ["[::g]:80", "has something in brackets that is no IPv6 address: ::g"],
  ["10.0.0.256:80", "has an IPv4 address that does not exist: 10.0.0.256"],
  ["10.0.0:80", "has an IPv4 address that does not exist: 10.0.0"],
  ["a b:80", "has a host name that can't exist: a b"],
  [
    "b\u00fccher.example:80",
    "has a host name that is not in ASCII, as DNS and TLS have it: b\u00fccher.example (did you mean xn--bcher-kva.example?)",
  ],
  ["-a.example:80", "has a host name that can't exist: -a.example"],
  ["http://a:80", "is not host:port, [v6]:port or unix:/path"],
  ["127.0.0.1:65536", "has a port above 65535: 65536"],
  ["unix:", "names no path after unix:"],
] as const)
  test(`the address ${address} is refused, and why is told`, async () => {
    const { problems } = await load(smallest.replace("127.0.0.1:9994", address));
    assert.deepEqual(
      problems.map((problem) => `${problem.path} ${problem.message}`),
      [`listeners.echo.bind ${JSON.stringify(address)} ${message}`],
    );
  });

test("a listener may leave the port to the system, a backend may not", async () => {
  const model = await loadModel(smallest.replace("127.0.0.1:9994", "[::1]:0"));
  assert.deepEqual(model.listeners[0]?.bind, { kind: "tcp", host: "::1", port: 0 });
  const { problems } = await load(smallest.replace("127.0.0.1:1994", "127.0.0.1:0"));
  assert.match(problems[0]!.message, /has port 0, which nothing can be reached at$/);
});

test("host names are kept for discovery to resolve", async () => {
  const { discovery } = (await loadModel(smallest.replace("127.0.0.1:1994", "my_app.internal.:80")))
    .pools[0]!;
  assert.ok(discovery.type === "static");
  assert.deepEqual(discovery.backends[0]?.target, { kind: "tcp", host: "my_app.internal.", port: 80 });
});

for (const [key, good, bad] of [
  ["name", ['"app"', '"_http.app.internal."'], ['""', '"10.0.0.1"', '"a..b"', '"::1"', "5"]],
  ["port", ["1", "65535"], ["0", "65536", '"80"']],
  ["nameservers", ["[]", '["::1"]'], ['["dns.example"]', '["10.0.0.1:0"]', '["10.0.0.1:x"]', '"10.0.0.1"']],
  ["record", ['"a"', '"aaaa"', '"a+aaaa"'], ['"A"', '"mx"']],
  ["hold", ['"0s"', '"24d"'], ['"25d"']],
  [
    "refresh",
    ["{}", '{ min = "100ms", max = "1d" }'],
    ['{ min = "99ms" }', '{ max = "2d" }', '{ mix = "1s" }'],
  ],
] as const)
  test(`${key} of DNS discovery takes ${good.join(" ")}, and not ${bad.join(" ")}`, async () => {
    const text = (value: string): string => {
      const keys: Record<string, string> = { name: '"x"', port: "1", [key]: value };
      const lines = Object.entries(keys).map(([name, its]) => `${name} = ${its}\n`);
      return smallest.replace(/type = "static"\n.*\n/, `type = "dns"\n${lines.join("")}`);
    };
    for (const value of good) assert.ok((await load(text(value))).model, value);
    for (const value of bad) {
      const { model, problems } = await load(text(value));
      assert.equal(model, undefined, value);
      assert.ok(
        problems.every(({ path }) => path.startsWith(`pools.echo.discovery.${key}`)),
        value,
      );
    }
  });

test("names that are not in ASCII are errors with the name that is meant, wherever a name may be", async () => {
  for (const text of [
    `${smallest}\n[[listeners.echo.routes]]\npool = "echo"\nsni = ["*.B\u00dcCHER.example"]`,
    `${smallest}\n[pools.echo.tls]\nserver_name = "b\u00fccher.example."`,
    smallest.replace('"127.0.0.1:9994"', '"b\u00fccher.example:80"'),
  ]) {
    const { problems } = await load(text);
    assert.ok(
      problems.some(({ message }) => /\(did you mean xn--bcher-kva\.example\.?\?\)/.test(message)),
      JSON.stringify(problems),
    );
  }
});
