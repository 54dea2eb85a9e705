import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ConfigError } from "../../../src/providers/provider.ts";
import { loadConfigText } from "../../../src/providers/toml/load.ts";

const directory = mkdtempSync(join(tmpdir(), "umay-acme-config-"));
after(() => rmSync(directory, { recursive: true, force: true }));

const acme = `[acme]
directory = "https://ca.test/dir"
terms_agreed = true
`;
const web = (wanted: string, mode = "tcp"): string => `
[listeners.web]
bind = "127.0.0.1:8443"
mode = "${mode}"
pool = "app"
tls.acme = ${wanted}
[pools.app]
discovery = { type = "static", backends = ["127.0.0.1:8080"] }
`;

async function load(text: string) {
  try {
    const { model, warnings } = await loadConfigText(text, { name: "umay.toml", directory, env: {} });
    return { model, problems: warnings.map(({ message }) => message) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { model: undefined, problems: error.problems.map(({ message }) => message) };
  }
}

test("names are wanted from the authority, each with a file of the storage", async () => {
  const { model, problems } = await load(acme + web('{ names = ["A.test.", "b.test"] }'));
  assert.deepEqual(problems, []);
  const [tls] = model!.listeners[0]!.tls;
  assert.deepEqual(tls!.certificates, []);
  assert.equal(tls!.acme!.challenge, "tls-alpn-01");
  assert.deepEqual(
    tls!.acme!.names.map(({ name, source }) => [name, source.cert.replace(directory, "")]),
    ["a.test", "b.test"].map((name) => [name, `/acme/ca.test-3f0f069f/certificates/${name}.pem`]),
  );
});

for (const [what, text, expected] of [
  ["no authority", web('{ names = ["a.test"] }'), /needs a table \[acme\]/],
  ["no agreement", `[acme]\n${web('{ names = ["a.test"] }')}`, /terms_agreed/],
  ["a wildcard", acme + web('{ names = ["*.a.test"] }'), /without a wildcard|can't exist/],
  ["an address", acme + web('{ names = ["127.0.0.1"] }'), /IP address/],
  ["a name twice", acme + web('{ names = ["a.test", "A.test"] }'), /is there twice/],
  [
    "http-01 without http",
    acme + web('{ names = ["a.test"], challenge = "http-01" }'),
    /http-01 needs a listener/,
  ],
  [
    "plain http",
    `[acme]\ndirectory = "http://ca.test/"\nterms_agreed = true\n${web('{ names = ["a.test"] }')}`,
    /https URL/,
  ],
  ["nothing to order", `${acme}[listeners.a]\nbind = "127.0.0.1:1"\nmode = "http"\n`, /nothing is ordered/],
  ["staging", `[acme]\nterms_agreed = true\n${web('{ names = ["a.test"] }')}`, /no client trusts/],
  [
    "neither certificates nor acme",
    '[listeners.a]\nbind = "127.0.0.1:1"\nmode = "http"\n[listeners.a.tls]\n',
    /name a certificate with its key, or use acme/,
  ],
] as const)
  test(`check finds ${what}`, async () => {
    const { problems } = await load(text);
    assert.ok(
      problems.some((problem) => expected.test(problem)),
      problems.join("\n"),
    );
  });
