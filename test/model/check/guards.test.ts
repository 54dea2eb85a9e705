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
