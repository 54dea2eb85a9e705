import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { load, loadModel, problemLines, smallest } from "./loading.ts";

test("an override sets a key that is in the file, and one that is not", async () => {
  const model = await loadModel(smallest, {
    UMAY__LISTENERS__ECHO__BIND: "0.0.0.0:9443",
    UMAY__LISTENERS__ECHO__TIMEOUTS__HALF_CLOSE: "5s",
    UMAY__LOG__LEVEL: "debug",
    UMAY__ADMIN__BIND: "127.0.0.1:9901",
  });
  const [listener] = model.listeners;
  assert.deepEqual(listener?.bind, { kind: "tcp", host: "0.0.0.0", port: 9443 });
  assert.equal(listener?.chains[0]?.timeouts.halfClose, 5_000);
  assert.equal(model.log.level, "debug");
  assert.deepEqual(model.admin?.bind, { kind: "tcp", host: "127.0.0.1", port: 9901 });
});

test("numbers, booleans, lists and tables of TOML are what they are, anything else is text", async () => {
  const model = await loadModel(smallest, {
    UMAY__WORKERS: "3",
    UMAY__LOG__SESSIONS: "false",
    UMAY__LOG__FORMAT: '"json"',
    UMAY__SHUTDOWN: '{ delay = "1s", timeout = "2s" }',
    UMAY__POOLS__ECHO__DISCOVERY__BACKENDS: '["10.0.0.1:80", { address = "10.0.0.2:80", weight = 7 }]',
  });
  assert.equal(model.workers, 3);
  assert.deepEqual(model.log, { level: "info", format: "json", sessions: false });
  assert.deepEqual(model.shutdown, { delay: 1_000, timeout: 2_000 });
  const discovery = model.pools[0]?.discovery;
  assert.ok(discovery?.type === "static");
  assert.deepEqual(
    discovery.backends.map(({ address, weight }) => [address, weight]),
    [
      ["10.0.0.1:80", 1],
      ["10.0.0.2:80", 7],
    ],
  );
});

test("a value can't smuggle in other keys, and a date is text", async () => {
  const lines = await problemLines(smallest, {
    UMAY__LOG__LEVEL: '"info"\nother = 1',
    UMAY__LOG__FORMAT: "2026-11-22",
  });
  assert.deepEqual(lines, [
    'error UMAY__LOG__LEVEL log.level: expected "trace", "debug", "info", "warn", "error", "fatal" or "silent", got the value of UMAY__LOG__LEVEL',
    'error UMAY__LOG__FORMAT log.format: expected "json" or "pretty", got the value of UMAY__LOG__FORMAT',
  ]);
});

test("text of an override is not looked at for variables", async () => {
  const text = `${smallest}\n[listeners.log]\nbind = "127.0.0.1:1"\npool = "echo"`;
  const env = { UMAY__POOLS__ECHO__TLS__SERVER_NAME: `\${HOME}`, HOME: "echo.test" };
  const [line] = await problemLines(text, env);
  assert.match(
    line!,
    /^error UMAY__POOLS__ECHO__TLS__SERVER_NAME pools\.echo\.tls\.server_name: .* can't exist/,
  );
});

test("names match whatever their case and punctuation, also with underscores next to each other", async () => {
  const text = `[listeners."Web-1__b"]\nbind = "127.0.0.1:1"\npool = "a_"\n[pools.a_.discovery]\ntype = "static"\nbackends = ["x:1"]\n`;
  const model = await loadModel(text, {
    UMAY__LISTENERS__WEB_1__B__BIND: "127.0.0.1:2",
    UMAY__POOLS__A___PICKER: "random",
  });
  assert.deepEqual(model.listeners[0]?.bind, { kind: "tcp", host: "127.0.0.1", port: 2 });
  assert.equal(model.pools[0]?.picker.type, "random");
});

test("a variable that fits two names is an error that names both", async () => {
  const listener = (name: string, port: number): string =>
    `[listeners.${name}]\nbind = "127.0.0.1:${port}"\npool = "echo"\n`;
  const text = smallest + listener("web-1", 1) + listener("web_1", 2);
  assert.deepEqual(await problemLines(text, { UMAY__LISTENERS__WEB_1__POOL: "echo" }), [
    "error UMAY__LISTENERS__WEB_1__POOL : fits both web-1 and web_1; rename one of them",
  ]);
});

test("elements of lists are addressed by index, and the next free index adds one", async () => {
  const env = {
    UMAY__POOLS__ECHO__DISCOVERY__BACKENDS__0: "10.0.0.1:80",
    UMAY__POOLS__ECHO__DISCOVERY__BACKENDS__1__ADDRESS: "10.0.0.2:80",
    UMAY__POOLS__ECHO__DISCOVERY__BACKENDS__1__WEIGHT: "9",
  };
  const discovery = (await loadModel(smallest, env)).pools[0]?.discovery;
  assert.ok(discovery?.type === "static");
  assert.deepEqual(
    discovery.backends.map(({ address, weight }) => [address, weight]),
    [
      ["10.0.0.1:80", 1],
      ["10.0.0.2:80", 9],
    ],
  );
});

test("a new list can be written element by element", async () => {
  const text = smallest.replace(/backends.*\n/, "");
  const env = Object.fromEntries(
    Array.from({ length: 12 }, (_, i) => [`UMAY__POOLS__ECHO__DISCOVERY__BACKENDS__${i}`, `10.0.0.${i}:80`]),
  );
  const discovery = (await loadModel(text, env)).pools[0]?.discovery;
  assert.ok(discovery?.type === "static");
  assert.deepEqual(
    discovery.backends.map(({ address }) => address),
    Array.from({ length: 12 }, (_, i) => `10.0.0.${i}:80`),
  );
});

test("a whole table is set before its keys", async () => {
  const { picker } = (
    await loadModel(smallest, {
      UMAY__POOLS__ECHO__PICKER__ALGORITHM: "ring",
      UMAY__POOLS__ECHO__PICKER: '{ type = "consistent-hash" }',
    })
  ).pools[0]!;
  assert.deepEqual(picker, {
    type: "consistent-hash",
    key: "source-ip",
    algorithm: "ring",
    boundedLoad: undefined,
  });
});

test("a whole configuration can come from variables", async () => {
  const model = await loadModel("", {
    UMAY__LISTENERS__WEB__BIND: "127.0.0.1:0",
    UMAY__LISTENERS__WEB__POOL: "app",
    UMAY__POOLS__APP__DISCOVERY__TYPE: "dns",
    UMAY__POOLS__APP__DISCOVERY__NAME: "app.internal",
    UMAY__POOLS__APP__DISCOVERY__PORT: "80",
  });
  assert.deepEqual([model.listeners[0]?.name, model.pools[0]?.name], ["web", "app"]);
});

for (const [variable, value, problem] of [
  [
    "UMAY__LISTENER__ECHO__BIND",
    "x",
    "fits nothing: the configuration has no key listener [did you mean UMAY__LISTENERS__ECHO__BIND?]",
  ],
  [
    "UMAY__LISTENERS__ECHO__BND",
    "x",
    "fits nothing: listeners.echo has no key bnd [did you mean UMAY__LISTENERS__ECHO__BIND?]",
  ],
  ["UMAY__FROBNICATE", "1", "fits nothing: the configuration has no key frobnicate"],
  ["UMAY__", "1", "fits nothing: the configuration has no key with an empty name"],
  ["UMAY__LISTENERS____BIND", "1", "fits nothing: listeners has no key with an empty name"],
  [
    "UMAY__WORKERS__MAX",
    "1",
    "workers is a plain value, nothing lies below it [did you mean UMAY__WORKERS?]",
  ],
  [
    "UMAY__POOLS__ECHO__DISCOVERY__BACKENDS__0__WEIGHT",
    "2",
    "pools.echo.discovery.backends[0] is a plain value and not a table; set the whole of it with UMAY__POOLS__ECHO__DISCOVERY__BACKENDS__0='{ … }' [did you mean UMAY__POOLS__ECHO__DISCOVERY__BACKENDS__0?]",
  ],
  [
    "UMAY__POOLS__ECHO__DISCOVERY__BACKENDS__2",
    "x:1",
    "pools.echo.discovery.backends is a list of 1; expected a number from 0 to 1 there",
  ],
  [
    "UMAY__POOLS__ECHO__DISCOVERY__BACKENDS__FIRST",
    "x:1",
    "pools.echo.discovery.backends is a list of 1; expected a number from 0 to 1 there",
  ],
] as const)
  test(`${variable} is refused by its name`, async () => {
    assert.deepEqual(await problemLines(smallest, { [variable]: value }), [`error ${variable} : ${problem}`]);
  });

test("a new name that lacks what it needs is told as the likely misspelling that it is", async () => {
  assert.deepEqual(await problemLines(smallest, { UMAY__POOLS__ECO__PICKER: "random" }), [
    'error UMAY__POOLS__ECO__PICKER pools.eco.discovery: is missing; expected a table [pools.<name>.discovery] with type = "static", "dns" or "file" ["eco" is new there; did you mean "echo"?]',
  ]);
});

test("a new name that every object has anyway is a name like any other", async () => {
  const model = await loadModel(smallest, {
    UMAY__LISTENERS__CONSTRUCTOR: '{ bind = "127.0.0.1:1", pool = "echo" }',
  });
  assert.deepEqual(
    model.listeners.map(({ name }) => name),
    ["echo", "constructor"],
  );
  const [line] = await problemLines(smallest, { UMAY__POOLS__CONSTRUCTOR__PICKER: "random" });
  assert.match(line!, /^error UMAY__POOLS__CONSTRUCTOR__PICKER pools\.constructor\.discovery: is missing/);
});

test("a problem in the file that an override did not touch keeps its line", async () => {
  const text = `${smallest}[pools.echo.connect]\nattempts = 99\n`;
  const [line] = await problemLines(text, { UMAY__POOLS__ECHO__CONNECT__TIMEOUT: "1s" });
  assert.match(line!, /^error umay\.toml:9:12 pools\.echo\.connect\.attempts: /);
});

test("any variables give a model or problems that name one, and never touch a prototype", async () => {
  const segment = fc.constantFrom(
    "LISTENERS",
    "ECHO",
    "POOLS",
    "TLS",
    "CERTIFICATES",
    "0",
    "1",
    "BIND",
    "PICKER",
    "TYPE",
    "CONSTRUCTOR",
    "PROTOTYPE",
    "PROTO",
    "_",
    "",
  );
  const name = fc.array(segment, { maxLength: 6 }).map((segments) => `UMAY__${segments.join("__")}`);
  const value = fc.oneof(
    fc.string(),
    fc.constantFrom("1", "true", "[]", "{}", "{ __proto__ = { x = 1 } }", "unix:a"),
  );
  await fc.assert(
    fc.asyncProperty(fc.dictionary(name, value, { maxKeys: 4 }), async (env) => {
      const { model, problems } = await load(smallest, env);
      if (model === undefined)
        assert.ok(problems.some(({ where }) => where in env || where.startsWith("umay.toml")));
      assert.deepEqual([Object.keys(Object.prototype), Object.keys(Object)], [[], []]);
    }),
  );
});
