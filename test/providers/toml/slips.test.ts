import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { load, problemLines, smallest } from "./loading.ts";

/** A text with mistakes, and each problem as its place, its message and its hint. */
const cases: readonly (readonly [text: string, ...problems: string[]])[] = [
  [
    '[log]\nlevel = "info\n[x]',
    'umay.toml:2:9 the text that begins here needs " at its end [did you mean "info"?]',
  ],
  [
    "pool = 'api # the usual one\n",
    "umay.toml:1:8 the text that begins here needs ' at its end [did you mean 'api'?]",
  ],
  ['level: "info"\n', "umay.toml:1:6 write = between a key and its value, not :"],
  ["workers == 2\n", "umay.toml:1:9 write one = between a key and its value"],
  ["workers 2\n", "umay.toml:1:8 write = between a key and its value"],
  ["workers =\n", "umay.toml:1:9 a value is missing behind ="],
  ['[log\nlevel = "info"', "umay.toml:1:5 the table's name needs ] at its end [[log]]"],
  ["[[listeners.a.routes]\n", "umay.toml:1:22 the table's name needs ] at its end [[[listeners.a.routes]]]"],
  ["bind = 127.0.0.1:9901", 'umay.toml:1:8 a text needs quotes [did you mean "127.0.0.1:9901"?]'],
  ["backends = [ app.test:80 ]", 'umay.toml:1:14 a text needs quotes [did you mean "app.test:80"?]'],
  ["idle = 5s", 'umay.toml:1:8 a text needs quotes [did you mean "5s"?]'],
  ["level = “info”", 'umay.toml:1:9 “ is a typographic quote; write "'],
  ["detect = True", "umay.toml:1:10 write true"],
  ["// the log\n", "umay.toml:1:1 a comment begins with #"],
  ['alpn = ["h2" "http/1.1"]', "umay.toml:1:13 a comma is missing here"],
  ['alpn = ["h2",\n"mqtt"\nbind = "x"', "umay.toml:1:8 the list that begins here needs ] at its end"],
  [
    'cert = "C:\\dir"',
    "umay.toml:1:11 \\ has a meaning of its own between double quotes; write it twice, or the text between '…'",
  ],
  [
    '[log]\nlevel = "info"\nformat = "json"\nlevel = "warn"',
    "umay.toml:4:1 level is there twice: it is written in line 2 too; keep one",
  ],
  ["[log]\n[admin]\n[ log ]", "umay.toml:3:1 [ log ] is there twice: it is written in line 1 too; keep one"],
  [
    'workers: 2\n[admin\nbind = 127.0.0.1:1\n[log]\nlevel = "info\nlevel = “x”',
    "umay.toml:1:8 write = between a key and its value, not :",
    "umay.toml:2:7 the table's name needs ] at its end [[admin]]",
    'umay.toml:3:8 a text needs quotes [did you mean "127.0.0.1:1"?]',
    'umay.toml:5:9 the text that begins here needs " at its end [did you mean "info"?]',
    "umay.toml:6:1 level is there twice: it is written in line 5 too; keep one",
  ],
];

for (const [text, ...expected] of cases)
  test(`${JSON.stringify(text)} is told in umay's words`, async () => {
    const { problems } = await load(text);
    const said = problems.map(({ where, message, hint }) =>
      [where, message, hint && `[${hint}]`].filter(Boolean).join(" "),
    );
    assert.deepEqual(said, expected);
    for (const { frame } of problems) assert.match(frame!, /\^/);
  });

test("a caret is under what is wrong, to its end", async () => {
  const { problems } = await load("[admin]\nbind = 127.0.0.1:9901 # here");
  assert.equal(
    problems[0]!.frame,
    "  1 | [admin]\n> 2 | bind = 127.0.0.1:9901 # here\n    |        ^^^^^^^^^^^^^^",
  );
});

const listener = '[listeners.a]\nbind = "127.0.0.1:1"\npool = "p"\n';
const pool = '[pools.p.discovery]\ntype = "static"\nbackends = ["127.0.0.1:80"]\n';

const foreign: readonly (readonly [text: string, hint: string | undefined])[] = [
  [`${listener}${pool}[pools.p]\nbalance = "roundrobin"`, "umay's word is picker"],
  [`${listener}${pool}[pools.p]\npicker = "leastconn"`, 'umay\'s word is "least-connection"'],
  [`${listener}${pool}[pools.p]\nserver = "a 10.0.0.1:80"`, "backends are a list"],
  [`${listener}${pool}[upstream.p]`, "umay's word is pool"],
  [`${listener.replace("bind", "listen")}${pool}`, "umay's word is bind"],
  [`${listener.replace("127.0.0.1:1", "443")}${pool}`, 'did you mean "0.0.0.0:443"?'],
  [`${listener}${pool.replace("127.0.0.1:80", "http://app.test")}`, 'did you mean "app.test:80"?'],
  [
    `${listener}${pool.replace("127.0.0.1:80", "https://app.test:8443/x")}`,
    'did you mean "app.test:8443"?; whether TLS is spoken to it is said by [pools.<name>.tls]; a path is no part of it',
  ],
  [`${listener}${pool}[pools.p.health]\ntype = "http"\nurl = "/x"`, undefined],
];

for (const [text, hint] of foreign)
  test(`another proxy's words get ${hint === undefined ? "no wrong hint" : `the hint ${hint}`}`, async () => {
    const { problems } = await load(text);
    const hints = problems.map((problem) => problem.hint);
    if (hint === undefined) assert.deepEqual(hints, [undefined]);
    else
      assert.ok(
        hints.some((given) => given?.startsWith(hint)),
        JSON.stringify(problems),
      );
  });

test("a variable with one _ is told to have two, and umay's own ones are left alone", async () => {
  const env = { UMAY_LOG_LEVEL: "debug", UMAY_CONFIG: "x", UMAY_ADMIN: "y", UMAY_WHATEVER: "z" };
  assert.deepEqual(
    (await problemLines(smallest, env)).map((line) => line.replace(/^(\w+ \w+).*\[/, "$1 [")),
    ["warning UMAY_LOG_LEVEL [did you mean UMAY__LOG__LEVEL?]"],
  );
});

test("whatever is cut out of a configuration or put into it, there is a model or a problem with a place", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(smallest.length),
      fc.nat(3),
      fc.string({ unit: fc.constantFrom(..."\"'[]{}=:,#\\ \nx1“"), maxLength: 3 }),
      async (start, cut, put) => {
        const lines = await problemLines(smallest.slice(0, start) + put + smallest.slice(start + cut));
        for (const line of lines) assert.match(line, /^(error|warning) umay\.toml/);
      },
    ),
  );
});
