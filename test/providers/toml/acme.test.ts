import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ConfigError } from "../../../src/providers/provider.ts";
import { loadConfigText } from "../../../src/providers/toml/load.ts";

const directory = mkdtempSync(join(tmpdir(), "umay-acme-config-"));
after(() => rmSync(directory, { recursive: true, force: true }));

writeFileSync(join(directory, "plain"), "", { mode: 0o644 });

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

const byDns = '{ names = ["*.a.test"], challenge = "dns-01" }';

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
    tls!.acme!.certificates.map(({ name, source }) => [name, source.cert.replace(directory, "")]),
    ["a.test", "b.test"].map((name) => [name, `/acme/ca.test-3f0f069f/certificates/${name}.pem`]),
  );
});

test("a wildcard and the name above it share a certificate, and a program is found from the configuration's folder", async () => {
  writeFileSync(join(directory, "hook"), "#!/bin/sh\n", { mode: 0o755 });
  const { model, problems } = await load(
    `${acme}dns = { command = ["hook", "$$x"], environment = { TOKEN = "\${file:hook}" } }
${web('{ names = ["a.test", "b.a.test", "*.a.test", "c.b.a.test", "*.c.test"], challenge = "dns-01" }')}`,
  );
  assert.deepEqual(problems, []);
  const { certificates } = model!.listeners[0]!.tls[0]!.acme!;
  assert.deepEqual(
    certificates.map(({ name, names }) => [name, ...names]),
    [
      ["b.a.test", "b.a.test"],
      ["*.a.test", "*.a.test", "a.test"],
      ["c.b.a.test", "c.b.a.test"],
      ["*.c.test", "*.c.test"],
    ],
  );
  assert.deepEqual(model!.acme!.dns, {
    command: [join(directory, "hook"), "$x"],
    environment: { TOKEN: "#!/bin/sh" },
    timeout: 60_000,
    propagation: 120_000,
    nameservers: [],
  });
});

for (const [what, text, expected] of [
  ["no authority", web('{ names = ["a.test"] }'), /needs a table \[acme\]/],
  ["no agreement", `[acme]\n${web('{ names = ["a.test"] }')}`, /terms_agreed/],
  [
    "a wildcard without dns-01",
    acme + web('{ names = ["b.test", "*.a.test"] }'),
    /"\*\.a\.test" is a wildcard.* dns-01 only/,
  ],
  ["a wildcard inside", acme + web('{ names = ["a.*.test"] }'), /can't exist/],
  ["dns-01 without a program", acme + web(byDns), /dns-01 needs acme\.dns/],
  [
    "a program that is not there",
    `${acme}dns.command = ["nowhere"]\n${web(byDns)}`,
    /\/nowhere does not exist; check the path$/,
  ],
  ["a program that can't be run", `${acme}dns.command = ["plain"]\n${web(byDns)}`, /\/plain can't be run/],
  ["no program", `${acme}dns.command = []\n${web(byDns)}`, /expected a list with the program/],
  [
    "a variable that can't be",
    `${acme}dns = { command = ["/bin/true"], environment = { "A=B" = "" } }\n${web(byDns)}`,
    /name of an environment variable/,
  ],
  [
    "a record for nobody",
    `${acme}dns.command = ["/bin/true"]\n${web('{ names = ["a.test"] }')}`,
    /no record is set/,
  ],
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
