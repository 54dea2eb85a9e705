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
