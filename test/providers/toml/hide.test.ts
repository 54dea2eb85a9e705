import assert from "node:assert/strict";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { problemLines, smallest } from "./loading.ts";

const secret = "hunter2-Zq9";

/** `smallest` with another address for its listener. */
const withBind = (bind: string): string => smallest.replace("127.0.0.1:9994", bind);
const other = (pool: string): string =>
  `${smallest}\n[listeners.two]\nbind = "127.0.0.1:1"\npool = "${pool}"`;

test("a bad value from the environment is told by its variable", async () => {
  for (const [text, env] of [
    [withBind(`\${BIND}`), { BIND: secret }],
    [withBind(`127.0.0.1:\${BIND}`), { BIND: secret }],
    [withBind(`\${BIND}:80`), { BIND: `-${secret}` }],
    [`${smallest}\n[log]\nlevel = "\${LEVEL}"`, { LEVEL: secret }],
    [`${smallest}\n[shutdown]\ndelay = "\${DELAY}"`, { DELAY: secret }],
    [`${smallest}\n[pools.echo.tls]\nca = "/nowhere/\${CA}/ca.pem"`, { CA: `a/${secret}` }],
    [other(`\${POOL}`), { POOL: secret }],
    [smallest, { UMAY__WORKERS: secret }],
    [smallest, { UMAY__POOLS__ECHO: `{ picker = "${secret}" }` }],
    [smallest, { UMAY__LISTENERS__ECHO__ALLOW: `["10.0.0.0/8", "${secret}"]` }],
  ] as const) {
    const lines = (await problemLines(text, env)).join("\n");
    assert.doesNotMatch(lines, /hunter2|Zq9/i);
    assert.match(lines, new RegExp(Object.keys(env)[0]!));
  }
});

test("a bad value from a file is told by the file", async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-hide-"));
  const file = join(dir.path, "value");
  writeFileSync(file, `${secret}\n`);
  const [line, ...others] = await problemLines(`${smallest}\n[log]\nlevel = "\${file:${file}}"`);
  assert.ok(line!.endsWith(`got the value of \${file:${file}}`), line);
  assert.deepEqual(others, []);
});

test("two keys that contradict each other tell no value of the other one", async () => {
  const twice = `${withBind(`\${BIND}`)}\n[listeners.two]\nbind = "[::]:8765"\npool = "echo"`;
  const [line] = await problemLines(twice, { BIND: "0.0.0.0:8765" });
  assert.match(line!, /overlaps with \$\{BIND\}, which is already taken by listeners\.echo\.bind/);
});

test("a default that is used, and what the file itself says, are shown as they are", async () => {
  const [line] = await problemLines(`${smallest}\n[log]\nlevel = "\${LEVEL:-louder}"`);
  assert.match(line!, /got "louder"/);
});

test("whatever a value is, no part of it is told", async () => {
  const value = fc.stringMatching(/^[A-Z0-9:/."'\\{}-]{8,20}$/);
  await fc.assert(
    fc.asyncProperty(value, fc.constantFrom("bind", "level", "name", "path"), async (text, where) => {
      const listeners = smallest.slice(0, smallest.indexOf("[pools"));
      const toml = {
        bind: withBind(`\${V}`),
        level: `${smallest}\n[log]\nlevel = "\${V}"`,
        name: `${listeners}[pools.echo.discovery]\ntype = "dns"\nport = 1\nname = "\${V}"`,
        path: `${smallest}\n[pools.echo.tls]\nca = "\${V}"`,
      }[where];
      const parts = Array.from({ length: text.length - 5 }, (_, start) => text.slice(start, start + 6));
      for (const line of await problemLines(toml, { V: text }))
        for (const part of parts) assert.ok(!line.includes(part), `${JSON.stringify(part)} in ${line}`);
    }),
    { numRuns: 60 },
  );
});
