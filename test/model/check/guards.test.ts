import assert from "node:assert/strict";
import { test } from "node:test";
import { base, loadHttp } from "../../providers/toml/http/loading.ts";

const route = '[routes.a]\npool = "b"\nauth = ["devices"]\n';

test("an auth that nobody defines is an error with a guess", async () => {
  const { lines } = await loadHttp(`${base}${route}[auth.device]\ntype = "mtls"\n`);
  assert.equal(lines.length, 1);
  assert.match(
    lines[0]!,
    /^error routes\.a\.auth\[0\]: no auth is named "devices"; .* \[did you mean "?device/,
  );
});

test("an auth by certificates is told to be in vain where the listener asks for none", async () => {
  const { lines } = await loadHttp(`${base}${route}[auth.devices]\ntype = "mtls"\n`);
  assert.match(
    lines.join("\n"),
    /^warning routes\.a\.auth: .* listeners\.web asks for none; add tls\.client_auth/,
  );
});

for (const [what, keys, expected] of [
  ["no keys", 'audience = ["a"]', /^error auth\.x: has no keys/],
  [
    "two sources of keys",
    'audience = ["a"]\nkeys_file = "/k"\nkeys_url = "https://a.test/"',
    /stands beside keys_file/,
  ],
  [
    "a file that is not there",
    'audience = ["a"]\nkeys_file = "/k"',
    /error auth\.x\.keys_file: \/k does not exist/,
  ],
  [
    "keys over plain HTTP",
    'audience = ["a"]\nkeys_url = "http://a.test/"',
    /^warning auth\.x\.keys_url: is not https/,
  ],
  [
    "a URL with a password",
    'audience = ["a"]\nkeys_url = "https://a:b@a.test/"',
    /has a user or a password in it/,
  ],
  ["no audience", 'keys_url = "https://a.test/"', /^warning auth\.x: has no audience/],
  ["HS256", 'audience = ["a"]\nkeys_url = "https://a.test/"\nalgorithms = ["HS256"]', /algorithms/],
] as const)
  test(`tokens with ${what} are told`, async () => {
    const { lines } = await loadHttp(
      `${base}[auth.x]\ntype = "jwt"\n${keys}\n[routes.a]\npool = "b"\nauth = ["x"]\n`,
    );
    assert.match(lines.join("\n"), expected);
    assert.doesNotMatch(lines.join("\n"), /a:b/);
  });

for (const [what, limit, expected] of [
  ["that limits nothing", "", /^error rate_limits\.x: limits nothing; add rate, rates or concurrent/],
  ["with a burst and no rate", "concurrent = 1\nburst = 2", /^error rate_limits\.x\.burst: needs rate/],
  [
    "by a field that clients may leave out",
    'rate = "1/s"\nkey = ["header:x-user"]',
    /^warning .* end the list with "client-ip"/,
  ],
  [
    "by a network that there is not",
    'rate = "1/s"\nkey = ["client-ip/33"]',
    /^error rate_limits\.x\.key\[0\]: has a prefix/,
  ],
  ["by a key that there is not", 'rate = "1/s"\nkey = ["ip"]', /expected "client-ip"/],
] as const)
  test(`a rate limit ${what} is told`, async () => {
    const { lines } = await loadHttp(
      `${base}[rate_limits.x]\n${limit}\n[routes.a]\npool = "b"\nrate_limit = ["x"]\n`,
    );
    assert.match(lines.join("\n"), expected);
  });

test("limits that have to know who the client is come behind the auths, and others before them", async () => {
  const { model, lines } = await loadHttp(`${base}[routes.a]
pool = "b"
auth = ["m"]
rate_limit = ["late", "early"]
[auth.m]
type = "mtls"
[rate_limits.late]
key = ["user", "client-ip"]
rate = "1/s"
[rate_limits.early]
rate = "1/s"
`);
  assert.ok(model, lines.join("\n"));
  const [rule] = model.routeTables[0]!.hosts[0]!.rules;
  assert.deepEqual(rule!.route.guards, [["rate_limits.early"], ["auth.m"], ["rate_limits.late"]]);
});
