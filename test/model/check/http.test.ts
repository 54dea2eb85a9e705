import assert from "node:assert/strict";
import { test } from "node:test";
import { base, loadHttp } from "../../providers/toml/http/loading.ts";
import { testCertificates } from "../../support/certificates.ts";

const said = async (text: string): Promise<string> => (await loadHttp(`${base}${text}`)).lines.join("\n");

const route = (name: string, keys: string): string => `[routes.${name}]\npool = "b"\n${keys}\n`;

test("two routes that take the same requests are an error that names both", async () => {
  const lines = await said(
    route("one", 'hosts = ["x.test"]\npath = "/x"') +
      route("two", 'hosts = ["x.test", "y.test"]\npath = "/x"'),
  );
  assert.match(lines, /error routes\.two: takes the same requests as routes\.one, of host x\.test/);
});

test("equal matches with another priority, host or condition are none", async () => {
  const one = route("one", 'path = "/x"\nmethods = ["GET", "POST"]');
  for (const other of [
    'path = "/x"\nmethods = ["GET", "PUT"]',
    'path = "/x"\nhosts = ["x.test"]\nmethods = ["GET", "POST"]',
    'path = "/x/"',
    'path_prefix = "/x"',
  ])
    assert.equal(await said(one + route("two", other)), "");
});

for (const [what, wide, narrow, shadowed] of [
  ["a shorter prefix with a higher priority", 'path_prefix = "/a"\npriority = 1', 'path = "/a/b"', true],
  ["everything with a higher priority", "priority = 1", 'path_regex = "/a[0-9]"', true],
  [
    "more methods",
    'path = "/a"\nmethods = ["GET", "POST"]\npriority = 1',
    'path = "/a"\nmethods = ["GET"]',
    true,
  ],
  ["other methods", 'path = "/a"\nmethods = ["POST"]\npriority = 1', 'path = "/a"\nmethods = ["GET"]', false],
  ["letters and no segment", 'path_prefix = "/a"\npriority = 1', 'path_prefix = "/ab"', false],
  ["one of two conditions", 'headers = { a = "1" }\npriority = 1', 'headers = { a = "1", b = "2" }', true],
  ["another condition", 'headers = { a = "1" }\npriority = 1', 'headers = { a = "2" }', false],
  ["any case", 'match = [{ path_prefix = "/A", ignore_case = true }]\npriority = 1', 'path = "/a/x"', true],
  ["a regular expression", 'path_regex = "/.[^x]*"\npriority = 1', 'path = "/a"', false],
] as const)
  test(`a route is ${shadowed ? "" : "not "}told to be never reached behind one that takes ${what}`, async () => {
    const lines = await said(route("narrow", narrow) + route("wide", wide));
    if (shadowed) assert.match(lines, /^warning routes\.narrow: is never reached: routes\.wide comes first/);
    else assert.equal(lines, "");
  });

test("a route with one match that is reached is reached", async () => {
  const lines = await said(
    route("two", 'match = [{ path = "/a/b" }, { path = "/c" }]') +
      route("wide", 'path_prefix = "/a"\npriority = 1'),
  );
  assert.equal(lines, "");
});

test("a redirect to itself is told, one to elsewhere is not", async () => {
  const redirect = (to: string): string =>
    `[routes.x]\nhosts = ["x.test"]\npath_prefix = "/x"\nredirect = ${to}\n`;
  const one = route("b", 'path = "/b"');
  for (const to of ['{ scheme = "http" }', '{ host = "x.test" }', '{ path_prefix = "/x" }'])
    assert.match(await said(one + redirect(to)), /warning routes\.x\.redirect: leads back/);
  for (const to of ['{ scheme = "https" }', '{ host = "y.test" }', '{ path_prefix = "/y" }', "{ port = 1 }"])
    assert.equal(await said(one + redirect(to)), "");
});

test("a regular expression that a prefix or a path would do is told", async () => {
  for (const pattern of ["/api/.*", "^/api(/.*)?$", "/api.*"])
    assert.match(
      await said(route("x", `path_regex = "${pattern}"`)),
      /a prefix would do.*path_prefix = "\/api"/,
    );
  assert.match(await said(route("x", 'path_regex = "^/api$"')), /write path = "\/api"/);
  assert.equal(await said(route("x", 'path_regex = "/api/[0-9]+"')), "");
});

test("hash without a pool that hashes, and a first byte that comes too late, are told", async () => {
  assert.match(await said(route("x", 'path = "/x"\nhash = ["source-ip"]')), /routes\.x\.hash: has no effect/);
  assert.match(
    await said(route("x", 'path = "/x"\ntimeouts = { first_byte = "10m" }')),
    /warning routes\.x\.timeouts\.first_byte: has no effect: idle is shorter/,
  );
});

test("https_redirect without anybody who speaks TLS is told", async () => {
  const redirecting = base.replace('pool = "a"', "https_redirect = {}");
  const routes = '[routes.r]\npath = "/r"\npools = [{ pool = "a" }, { pool = "b" }]\n';
  const { lines } = await loadHttp(redirecting + routes);
  assert.match(lines.join("\n"), /warning listeners\.web\.https_redirect: sends clients to port 443/);
});

test("a host that no certificate of a TLS listener covers is told, for that listener", async () => {
  const { ecdsa } = await testCertificates();
  const tls = `[listeners.web.tls]\ncertificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }]\n`;
  const lines = await said(`${tls}${route("x", 'hosts = ["localhost", "other.test"]')}`);
  assert.match(lines, /warning routes\.x\.hosts: no certificate of listeners\.web covers other\.test/);
  assert.doesNotMatch(lines, /covers localhost/);
});

test("a route for gRPC to a pool that speaks HTTP/1.1 alone is an error", async () => {
  const calls = route("calls", 'match = [{ grpc = { service = "chat.v1.Chat" } }]');
  const lines = await said(calls);
  assert.match(lines, /^error routes\.calls\.pool: gets calls of gRPC, and pools\.b speaks HTTP\/1\.1/);
  assert.equal(lines.split("\n").length, 1);
  for (const version of ["2", "1.1"]) {
    const text = `${base}${calls}`.replace("[pools.b", `[pools.b.http]\nversion = "${version}"\n[pools.b`);
    assert.equal((await loadHttp(text)).lines.length, version === "2" ? 0 : 1);
  }
  // Backends of other requests may speak as they like.
  assert.equal(await said(route("other", 'headers = { content-type = "text/plain" }')), "");
});
