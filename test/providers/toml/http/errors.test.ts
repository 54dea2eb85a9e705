import assert from "node:assert/strict";
import { test } from "node:test";
import { base, loadHttp } from "./loading.ts";

const plain = 'pool = "b"';

/** Faults of a route, each with its message. */
const routes: readonly [what: string, keys: string, said: RegExp][] = [
  ["leads nowhere", "", /error routes\.x: leads nowhere; expected one of pool, pools, redirect, respond/],
  [
    "leads to two places",
    `${plain}\nrespond = { body = "x" }`,
    /error routes\.x\.respond: stands beside pool; a route has one/,
  ],
  [
    "has match and a simple key",
    `${plain}\npath = "/x"\nmatch = [{ path = "/y" }]`,
    /error routes\.x\.path: stands beside match/,
  ],
  [
    "has two conditions on the path",
    `${plain}\npath = "/x"\npath_prefix = "/y"`,
    /error routes\.x\.path_prefix: stands beside path/,
  ],
  [
    "has an unknown listener",
    `${plain}\nlisteners = ["wev"]`,
    /listeners\[0\]: no listener is named "wev".*did you mean "web"/,
  ],
  [
    "tries again on something unknown",
    `${plain}\nretry = { on = ["timeout"] }`,
    /error routes\.x\.retry\.on\[0\]: .*expected "connect-failed", .* or a status from "400" to "599"/,
  ],
  [
    "tries again on a hundred statuses in another proxy's word",
    `${plain}\nretry = { on = ["5xx"] }`,
    /retry\.on\[0\]: .*\[did you mean "500-599"\?\]/,
  ],
  [
    "tries again on an empty range",
    `${plain}\nretry = { on = ["reset", "504-502"] }`,
    /retry\.on\[1\]: "504-502" is an empty range/,
  ],
  [
    "waits longer at first than at most",
    `${plain}\nretry = { backoff = { base = "1s" } }`,
    /error routes\.x\.retry\.backoff: base is longer than max/,
  ],
  [
    "tries again where no backend is asked",
    "respond = {}\nretry = {}",
    /error routes\.x\.retry: has no effect beside respond/,
  ],
  [
    "has no pool with a weight",
    'pools = [{ pool = "b", weight = 0 }]',
    /error routes\.x\.pools: leads nowhere: every weight is 0/,
  ],
  ["has an unknown pool", 'pool = "bb"', /error routes\.x\.pool: no pool is named "bb".*did you mean "b"/],
  [
    "has an unknown pool among several",
    'pools = [{ pool = "b" }, { pool = "c" }]',
    /error routes\.x\.pools\[1\]\.pool: no pool is named "c"/,
  ],
  ["has a host with a port", `${plain}\nhosts = ["x.test:80"]`, /hosts\[0\]: "x\.test:80" has a port/],
  ["has a host that is none", `${plain}\nhosts = ["x y"]`, /hosts\[0\]: "x y" is no host/],
  ["has a path without its slash", `${plain}\npath = "x"`, /path: "x" does not begin with \//],
  [
    "has a path with a blank",
    `${plain}\npath = "/a b"`,
    /path: "\/a b" has characters that no path has; write "\/a%20b"/,
  ],
  ["has a path above the root", `${plain}\npath_prefix = "/../x"`, /leads above the root/],
  ["looks ahead", `${plain}\npath_regex = "/(?=x)"`, /path_regex: "\/\(\?=x\)" looks ahead or behind/],
  ["refers back", `${plain}\npath_regex = '/(x)\\1'`, /path_regex: .* refers back to a group/],
  [
    "has a broken expression",
    `${plain}\npath_regex = "/("`,
    /is no regular expression of RE2: missing closing \)/,
  ],
  ["matches CONNECT", `${plain}\nmethods = ["CONNECT"]`, /methods\[0\]: expected another method/],
  [
    "has two tests of a value",
    `${plain}\nheaders = { a = { exact = "x", prefix = "y" } }`,
    /headers\.a: expected one of exact.*there are exact and prefix/,
  ],
  [
    "has no test of a value",
    `${plain}\nquery = { a = { not = true } }`,
    /query\.a: expected one of exact.*there is none/,
  ],
  [
    "changes Host by a field",
    `${plain}\nrequest_headers = { set = { host = "x" } }`,
    /expected the name of a header field that may be changed/,
  ],
  [
    "has an unknown variable",
    `${plain}\nrequest_headers = { set = { x-a = "\${client.ipp}" } }`,
    /set\.x-a: has the variable \$\{client\.ipp\}, which there is not \[did you mean "client\.ip"\?\]/,
  ],
  ["has a key to hash of no kind", `${plain}\nhash = ["heder:x"]`, /hash\[0\]: expected "header:NAME"/],
  [
    "rewrites a prefix that it does not match",
    `${plain}\npath = "/x"\nrewrite = { path_prefix = "/y" }`,
    /rewrite\.path_prefix: needs matches by path_prefix alone/,
  ],
  [
    "fills in a group that there is not",
    `${plain}\nrewrite = { path_regex = "/(a)", with = "/$2" }`,
    /has 1 groups, but \$2/,
  ],
  ["redirects nowhere", "redirect = {}", /redirect: leads to where the request came from/],
  [
    "redirects and keeps clients",
    'redirect = { scheme = "https" }\nsticky = { cookie = "c" }',
    /sticky: has no effect beside redirect/,
  ],
  [
    "answers 204 with a body",
    'respond = { status = 204, body = "x" }',
    /an answer with status 204 has no body/,
  ],
  [
    "answers with a file that is missing",
    'respond = { file = "none.txt" }',
    /file: \/nowhere\/none\.txt does not exist/,
  ],
  [
    "has gRPC and a method",
    `${plain}\ngrpc = { service = "a.B" }\nmethods = ["GET"]`,
    /gRPC calls always use POST/,
  ],
];

for (const [what, keys, said] of routes)
  test(`a route that ${what} is an error at its place`, async () => {
    const { model, lines } = await loadHttp(`${base}[routes.x]\n${keys}\n`);
    assert.equal(model, undefined);
    assert.match(lines.join("\n"), said);
  });

const listeners: readonly [what: string, text: string, said: RegExp][] = [
  [
    "http keys without the mode",
    base.replace('mode = "http"', 'hsts = "1d"'),
    /error listeners\.web\.hsts: needs mode = "http"; with mode = "tcp"/,
  ],
  [
    "http timeouts without the mode",
    base.replace('mode = "http"', 'timeouts = { keep_alive = "1s" }'),
    /error listeners\.web\.timeouts\.keep_alive: needs mode = "http"/,
  ],
  [
    "no pool without the mode",
    base.replace('mode = "http"\npool = "a"', ""),
    /error listeners\.web\.pool: is missing/,
  ],
  [
    "HSTS without TLS",
    base.replace('pool = "a"', 'pool = "a"\nhsts = "1d"'),
    /hsts: counts on answers over TLS alone/,
  ],
  [
    "a pool and https_redirect",
    base.replace('pool = "a"', 'pool = "a"\nhttps_redirect = {}'),
    /https_redirect: stands beside pool/,
  ],
  ["nothing to serve", base.replace('pool = "a"', ""), /error listeners\.web: serves nothing/],
  [
    "an error page that is missing",
    base.replace('pool = "a"', 'pool = "a"\nerrors = { "404" = { file = "none.html" } }'),
    /errors\.404\.file: \/nowhere\/none\.html does not exist/,
  ],
  [
    "a hundred statuses in another proxy's word",
    base.replace('pool = "a"', 'pool = "a"\nerrors = { "5xx" = { file = "x" } }'),
    /errors\.5xx: .*\[did you mean "500-599"\?\]/,
  ],
  [
    "an empty range of statuses",
    base.replace('pool = "a"', 'pool = "a"\nerrors = { "504-502" = { file = "x" } }'),
    /errors\.504-502: is an empty range/,
  ],
];

for (const [what, text, said] of listeners)
  test(`a listener with ${what} is an error at its place`, async () => {
    const { model, lines } = await loadHttp(text);
    assert.equal(model, undefined);
    assert.match(lines.join("\n"), said);
  });

test("routes without a listener that takes requests are errors", async () => {
  const { lines } = await loadHttp(`${base.replace('mode = "http"', "")}[routes.x]\npool = "b"\n`);
  assert.match(lines.join("\n"), /error routes\.x: no listener has mode = "http"/);
});

test("a route that no listener takes, because all of them redirect, is an error that says what to add", async () => {
  const { lines } = await loadHttp(
    `${base.replace('pool = "a"', "https_redirect = {}")}[routes.x]\npool = "b"\n`,
  );
  assert.match(lines.join("\n"), /error routes\.x: is for no listener: .*add listeners = \["web"\]/);
});

test("a route for a listener that relays is an error", async () => {
  const other = '[listeners.raw]\nbind = "127.0.0.1:1"\npool = "a"\n';
  const { lines } = await loadHttp(`${base}${other}[routes.x]\nlisteners = ["raw"]\npool = "b"\n`);
  assert.match(lines.join("\n"), /error routes\.x\.listeners\[0\]: listeners\.raw does not take requests/);
});

test("retry_budget at its former place counts, with a warning; at both it is an error", async () => {
  const alone = base.slice(0, base.indexOf("[pools.b]"));
  const former = "[pools.a.connect]\nretry_budget = { percent = 7 }\n";
  const one = await loadHttp(`${alone}${former}`);
  assert.deepEqual(one.model?.pools[0]?.connect.retryBudget, { percent: 7, min: 3 });
  assert.match(one.lines.join("\n"), /warning pools\.a\.connect\.retry_budget: has moved up/);
  const both = await loadHttp(`${alone}[pools.a.retry_budget]\nmin = 1\n${former}`);
  assert.match(both.lines.join("\n"), /error pools\.a\.connect\.retry_budget: stands beside/);
});

test("POST that may be sent twice without a body to send is a warning", async () => {
  const { lines } = await loadHttp(
    `${base}[routes.x]\npool = "b"\nretry = { methods = "all", buffer = 0 }\n`,
  );
  assert.match(lines.join("\n"), /warning routes\.x\.retry\.buffer: is 0, so no request with a body/);
});

test("a method in small letters, and a variable where none is filled in, are warnings", async () => {
  const alone = base.slice(0, base.indexOf("[pools.b]"));
  const { model, lines } = await loadHttp(
    `${alone}[routes.x]\npath = "/x"\nmethods = ["get", "POST", "m-search"]\nredirect = { path = "/y/$1" }\n`,
  );
  assert.notEqual(model, undefined);
  assert.deepEqual(lines, [
    'warning routes.x.methods[0]: is another method than the one in capital letters, and clients hardly send it [did you mean "GET"?]',
    "warning routes.x.redirect.path: is taken letter by letter: no variable is filled in [rewrite has path_regex and with, which take parts of the path over]",
  ]);
});
