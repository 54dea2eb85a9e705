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
    'log = { level = "info" }\nlog.format = "json"',
    "umay.toml:2:1 log.format is part of a table that is written already, perhaps in { }; put it there",
  ],
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

const http = `${listener}mode = "http"\n`;
const route = `${http}${pool}[routes.r]\npath_prefix = "/x"\n`;

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
  [`${listener}${pool}[pools.p.health]\ntype = "http"\nurl = "/x"`, "umay's word is path"],
  [`${listener}${pool}[pools.p.health]\ntype = "http"\nstatus = 200`, "umay's word is expect_status"],
  [`${listener}${pool}[pools.p.health]\ntype = "http"\nexpect_status = ["2xx"]`, 'did you mean "200-299"?'],
  [`${listener}${pool}[pools.p.health]\ntype = "https"`, 'umay\'s word is "http"; with a table tls'],
  [`${listener}port = 443\n${pool}`, "the port is part of bind"],
  [`${listener}backend = "p"\n${pool}`, 'umay\'s word is pool: pool = "<name>"'],
  [`${listener}server_name = "a.test"\n${pool}`, "umay's word is hosts, in [routes.<name>]"],
  [`port = 443\n${listener}${pool}`, "umay's word is bind"],
  [`${listener}${pool}[pools.p]\nport = 443`, "a port stands behind each backend"],
  [`${listener}${pool}[pools.p]\nbackends = ["127.0.0.1:80"]`, "it belongs in [pools.<name>.discovery]"],
  [
    `${listener}[pools.p]\ndiscovery = ["a:1", "b:1"]`,
    'did you mean discovery = { type = "static", backends = ["a:1", "b:1"] }?',
  ],
  [
    `${listener}[pools.p]\ndiscovery = "a:1"`,
    'did you mean discovery = { type = "static", backends = ["a:1"] }?',
  ],
  [`${listener}[pools.p]\ndiscovery = "/etc/backends.json"`, undefined],
  [`${listener}[pools.p]\ndiscovery = []`, undefined],
  [`${listener}${pool}[backend.p]`, "umay's word is pools"],
  [`${listener}mode = "https"\n${pool}`, 'umay\'s words are mode = "http" and a table'],
  [`${listener}mode = "udp"\n${pool}`, undefined],
  [`${listener}${pool.replace("127.0.0.1:80", "8080")}`, 'did you mean "127.0.0.1:8080"?'],
  [`${listener}${pool}[pools.p.tls]\nport = 1`, undefined],
  [`${listener}${pool}[listeners.a.tls]\ncert = "x"`, "it belongs in [[listeners.<name>.tls.certificates]]"],
  [`${listener}${pool}[pools.p]\nhealth = "tcp"`, 'did you mean health = { type = "tcp" }?'],
  [`${listener}${pool}[pools.p]\ntls = true`, "did you mean tls = {}?"],
  [`${listener}${pool}[pools.p]\noutlier = false`, undefined],
  [`[log]\naccess = "a.log"\n${listener}${pool}`, 'did you mean access = { file = "a.log" }?'],
  [`${listener}${pool.replace("80", "80 check")}`, 'did you mean "127.0.0.1:80"? Checks are a table'],
  [
    `${listener}${pool.replace("80", "80 weight 2 backup")}`,
    'did you mean { address = "127.0.0.1:80", backup = true, weight = 2 }?',
  ],
  [`${listener.replace("127.0.0.1:1", "443 ssl")}${pool}`, 'did you mean "0.0.0.0:443"? TLS is a table'],
  [`${listener.replace("127.0.0.1:1", "*:443 ssl crt x")}${pool}`, 'did you mean "0.0.0.0:443"? TLS is'],
  [`${route}pools = ["p"]`, 'did you mean { pool = "p" }?'],
  [`${route}respond = 503`, "did you mean respond = { status = 503 }?"],
  [`${route}respond = { code = 503 }`, "umay's word is status"],
  [`${route}pool = "p"\nretry = 3`, "did you mean retry = { attempts = 3 }?"],
  [`${route}redirect = "/y"`, 'did you mean redirect = { path = "/y" }?'],
  [
    `${route}redirect = "https://a.test:8443/y"`,
    'did you mean redirect = { scheme = "https", host = "a.test", port = 8443, path = "/y" }?',
  ],
  [`${route}redirect = "https://$host$request_uri"`, undefined],
  [`${route}pool = "p"\nweight = 5`, "weights stand beside pools"],
  [`${route}pool = "p"\nbasic_auth = "x"`, "users are in a table [auth.<name>]"],
  [`${route}pool = "p"\ntimeout = "5s"`, "umay's words are timeouts.request for the whole"],
  [
    `${listener}${pool}[pools.p]\nhealth = "/healthz"`,
    'did you mean health = { type = "http", path = "/healthz" }?',
  ],
  [`${listener}${pool}[pools.p]\nlb = "rr"`, "umay's word is picker"],
  [`${listener}${pool}[pools.p]\nh2c = true`, 'HTTP/2 to backends is http.version = "2"'],
  [`${listener}${pool}[pools.p]\nhttp.version = "h2c"`, 'umay\'s word is "2"'],
  [`${listener}${pool}[pools.p]\ntls = { sni = "a.test" }`, "umay's word is server_name"],
  [`${listener}${pool}[pools.p]\ntls = { insecure_skip_verify = true }`, "umay's word is verify"],
  [`${listener}${pool}[acme]\nterms_agreed = true\nemail = "a@b.test"`, "umay's word is contact"],
  [`${listener}${pool}[acme]\nterms_agreed = true\nagree_tos = true`, "umay's word is terms_agreed"],
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

/** A host or path of a route, and the hint that it gets. */
const patterns: readonly (readonly [key: string, value: string, hint: string | undefined])[] = [
  ["hosts", "https://api.a.test/", 'did you mean "api.a.test"?'],
  ["hosts", "https://api.a.test:8443/v1", 'did you mean "api.a.test"?; a path is no part of it'],
  ["hosts", "api.a.test:8443", 'did you mean "api.a.test"?'],
  ["hosts", "api.*.test", "* stands at the begin alone"],
  ["hosts", "*.a.*", "* stands at the begin alone"],
  ["hosts", "*a.test", 'did you mean "*.a.test"?'],
  ["hosts", ".a.test", 'did you mean "a.test" and "*.a.test"?'],
  ["hosts", "~^www\\d+\\.a$", "no regular expression is taken here"],
  ["hosts", "*", "to take any, leave the key out"],
  ["hosts", "_", "to take any, leave the key out"],
  ["hosts", "~a.test", "no regular expression is taken here"],
  ["hosts", "a..test", undefined],
  ["hosts", "_http.a_b.test.", undefined],
  ["hosts", "a b", undefined],
  ["path", "/v1/*", 'did you mean path_prefix = "/v1"?'],
  ["path_prefix", "/v1/*", 'did you mean path_prefix = "/v1"?'],
  ["path", "/v1/**", 'did you mean path_prefix = "/v1"?'],
  ["path", "/v1/.*", 'did you mean path_prefix = "/v1"?'],
  ["path", "/*", 'did you mean path_prefix = "/"?'],
  ["path", "*", "to take any, leave the key out"],
  ["path", "/v1*", 'did you mean path_regex = "/v1[^/]+"?'],
  ["path", "/a/*/b", 'did you mean path_regex = "/a/[^/]+/b"?'],
  ["path", "/a/{id}", 'did you mean path_regex = "/a/[^/]+"?'],
  ["path", "/a/{rest...}", 'did you mean path_prefix = "/a"?'],
  ["path", "/a/:id/b.c", "did you mean path_regex = '/a/[^/]+/b\\.c'?"],
  ["path", "*.php", "did you mean path_regex = '.*\\.php'?"],
  ["path", "^/v1/", 'did you mean path_regex = "/v1/.*"?'],
  ["path", "/v1$", 'did you mean path_regex = "/v1"?'],
  ["path", "~* \\.php$", "did you mean path_regex = '.*\\.php' and ignore_case = true?"],
  ["path", "= /v1", 'did you mean path = "/v1"?'],
  ["path", "^~ /v1", 'did you mean path_prefix = "/v1"?'],
  ["path", "https://a.test/v1", 'did you mean "/v1"?'],
  ["path", "/a/b:c", undefined],
  ["path", "/Products(1)", undefined],
  ["path", "/$metadata", undefined],
  ["path", "/c++/1.0", undefined],
];

for (const [key, value, hint] of patterns)
  test(`${key} with ${value} is ${hint === undefined ? "given no wrong hint" : `told: ${hint}`}`, async () => {
    const list = key === "hosts" ? `[${JSON.stringify(value)}]` : JSON.stringify(value);
    const http = listener.replace("pool", 'mode = "http"\npool');
    const { problems } = await load(`${http}${pool}[routes.r]\npool = "p"\n${key} = ${list}\n`);
    const hints = problems.map((problem) => problem.hint).filter((given) => given !== undefined);
    assert.equal(hints.length, hint === undefined ? 0 : 1, JSON.stringify(problems));
    if (hint !== undefined) assert.ok(hints[0]!.startsWith(hint), hints[0]);
  });

test("a table that someone left out is told with the keys that it needs", async () => {
  assert.deepEqual(await problemLines(`${route}pool = "p"\nsticky = true\ncors = true`), [
    "error umay.toml:11:10 routes.r.sticky: expected a table with cookie, got true",
    "error umay.toml:12:8 routes.r.cors: expected a table with origins, got true",
  ]);
});

test("every key and value of a hint about a path is a good one", async () => {
  const http = listener.replace("pool", 'mode = "http"\npool');
  for (const [key, , hint] of patterns) {
    const [, meant] = /^did you mean (path.*)\?$/.exec(hint ?? "") ?? [];
    if (key === "hosts" || meant === undefined) continue;
    const keys = meant.replace(" and ", "\n");
    const match = keys.includes("ignore_case") ? keys.replace(/(.*)\n(.*)/, "match = [{ $1, $2 }]") : keys;
    const { model, problems } = await load(`${http}${pool}[routes.r]\npool = "p"\n${match}\n`);
    assert.notEqual(model, undefined, JSON.stringify(problems));
  }
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
