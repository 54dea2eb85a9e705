import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type CreatedCertificate, createCertificate } from "../../../src/cli/create-certificate.ts";
import type { ClientAuth } from "../../../src/model/client-auth.ts";
import type { CertificatePair } from "../../support/certificates.ts";
import { issueClient, revocationList } from "../../support/client-certificates.ts";
import { issue, ofCa } from "../../support/issue.ts";
import { load, smallest } from "./loading.ts";

const dayMs = 86_400_000;
const dir = mkdtempSync(join(tmpdir(), "umay-config-clients-"));
after(() => rmSync(dir, { recursive: true, force: true }));

const inDays = (days: number): Date => new Date(Date.now() + days * dayMs);
let authority: CreatedCertificate;
let second: CreatedCertificate;
let server: CreatedCertificate;

before(async () => {
  authority = await createCertificate({ commonName: "first CA", notAfter: inDays(400) });
  second = await createCertificate({ commonName: "second CA", notAfter: inDays(400) });
  server = await createCertificate({
    commonName: "x",
    names: ["x"],
    notAfter: inDays(90),
    issuer: authority,
  });
  writeFileSync(join(dir, "server.pem"), server.cert);
  writeFileSync(join(dir, "server.key"), server.key);
  writeFileSync(join(dir, "ca.pem"), authority.cert);
  writeFileSync(join(dir, "crl.pem"), await revocationList(authority, []));
});

interface Loaded {
  readonly auth: ClientAuth | undefined;
  readonly lines: readonly string[];
}

/** Loads a TLS listener with this `client_auth`. */
async function loadAuth(table: string, listener = ""): Promise<Loaded> {
  const text = `${smallest.replace("[listeners.echo]", `[listeners.echo]\n${listener}`)}
[listeners.echo.tls]
certificates = [{ cert = "server.pem", key = "server.key" }]
client_auth = { ${table} }
`;
  const { model, problems } = await load(text, {}, dir);
  const lines = problems.map(
    ({ severity, path, message, hint }) =>
      `${severity} ${path.replace("listeners.echo.tls.client_auth", "")}: ${message.replaceAll(`${dir}/`, "")}${hint ?? ""}`,
  );
  return { auth: model?.listeners[0]?.tls[0]?.clientAuth, lines };
}

test("CAs and revocation lists are read, and certificates are required unless the mode says otherwise", async () => {
  writeFileSync(join(dir, "both.pem"), `two of them\n${authority.cert}and\n${second.cert}`);
  const lists = [await revocationList(authority, [], inDays(7)), await revocationList(second, [], inDays(3))];
  writeFileSync(join(dir, "lists.pem"), lists.join("text\n"));
  const { auth, lines } = await loadAuth('ca = "both.pem", crl = "lists.pem"');
  assert.deepEqual(lines, []);
  assert.equal(auth?.mode, "require");
  assert.equal(auth.ca?.source.file, join(dir, "both.pem"));
  assert.deepEqual(
    auth.ca?.members.map(({ subject }) => subject),
    ["CN=first CA", "CN=second CA"],
  );
  assert.deepEqual(
    auth.crl?.pems,
    lists.map((list) => `${list.trimEnd()}\n`),
  );
  assert.ok(Math.abs(auth.crl!.nextUpdate! - inDays(3).getTime()) < 60_000);
  assert.equal(auth.allow, undefined);
  assert.equal((await loadAuth('mode = "optional", ca = "ca.pem"')).auth?.mode, "optional");
});

test("of CAs that are glued without a newline, behind a byte order mark, OpenSSL gets each", async () => {
  const glued = `\ufeff${authority.cert.trimEnd()}${second.cert.replaceAll("\n", "\r\n")}`;
  writeFileSync(join(dir, "glued.pem"), glued);
  const { auth, lines } = await loadAuth('ca = "glued.pem"');
  assert.deepEqual(lines, []);
  assert.equal(auth?.ca?.pem, authority.cert + second.cert);
});

test("without a mode that asks, nothing is read", async () => {
  assert.deepEqual(await loadAuth('mode = "none", ca = "absent.pem"'), { auth: undefined, lines: [] });
});

for (const mode of ["optional", "require"])
  test(`mode = "${mode}" without CAs is an error`, async () => {
    const { auth, lines } = await loadAuth(`mode = "${mode}"`);
    assert.equal(auth, undefined);
    assert.deepEqual(lines, [
      `error .ca: is missing; mode = "${mode}" needs the CAs that may issue client certificates, unless allow pins keys ("sha256:…") and nothing else`,
    ]);
  });

test("without CAs keys may be pinned, and nothing else", async () => {
  const pinned = `"sha256:${"00".repeat(32)}"`;
  const { auth, lines } = await loadAuth(`allow = [${pinned}]`);
  assert.deepEqual(lines, []);
  assert.equal(auth?.ca, undefined);
  assert.deepEqual(auth?.allow, [{ kind: "sha256", pin: Buffer.alloc(32).toString("base64") }]);
  for (const table of [`allow = [${pinned}, "dns:a.test"]`, `allow = [${pinned}], crl = "crl.pem"`])
    assert.match((await loadAuth(table)).lines[0]!, /^error \.ca: is missing; .* unless allow pins keys/);
});

const unusable: readonly [what: string, content: () => string | undefined, message: RegExp][] = [
  ["missing", () => undefined, /bad\.pem does not exist/],
  ["empty", () => "\n", /bad\.pem is empty/],
  ["not PEM", () => "CA", /bad\.pem is not PEM/],
  ["a key", () => server.key, /bad\.pem holds no (certificate|revocation list)/],
];

for (const [what, content, message] of unusable)
  for (const key of ["ca", "crl"])
    test(`a ${key} file that is ${what} is an error, never "no check"`, async () => {
      rmSync(join(dir, "bad.pem"), { force: true });
      const text = content();
      if (text !== undefined) writeFileSync(join(dir, "bad.pem"), text);
      const { auth, lines } = await loadAuth(
        key === "ca" ? 'ca = "bad.pem"' : 'ca = "ca.pem", crl = "bad.pem"',
      );
      assert.equal(auth, undefined);
      assert.equal(lines.length, 1);
      assert.match(lines[0]!, new RegExp(`^error \\.${key}: .*${message.source}`));
    });

test("a bundle with a certificate that is no CA is an error that names it", async () => {
  writeFileSync(join(dir, "mixed.pem"), authority.cert + server.cert);
  const { auth, lines } = await loadAuth('ca = "mixed.pem"');
  assert.equal(auth, undefined);
  assert.match(lines[0]!, /^error \.ca: mixed\.pem holds a certificate that is no CA \(CN=x\); name the CAs/);
});

test("a damaged bundle or list is an error", async () => {
  const damage = (pem: string): string => pem.replace(/\n.{20}/, "\n!!!!!!!!!!");
  writeFileSync(join(dir, "damaged-ca.pem"), authority.cert + damage(second.cert));
  writeFileSync(join(dir, "damaged-crl.pem"), damage(await revocationList(authority, [])));
  const [bundle, list] = [
    await loadAuth('ca = "damaged-ca.pem"'),
    await loadAuth('ca = "ca.pem", crl = "damaged-crl.pem"'),
  ];
  assert.match(
    bundle.lines[0]!,
    /^error \.ca: damaged-ca\.pem is damaged: the CERTIFICATE that begins in line \d+ has "!" in line \d+/,
  );
  assert.equal(list.auth, undefined);
  assert.match(list.lines[0]!, /^error \.(ca|crl): .*damaged-crl\.pem/);
});

test("what would refuse good clients is a warning: an expired CA, an old list, a CA without a list", async () => {
  const old = await createCertificate({ commonName: "old CA", notBefore: inDays(-9), notAfter: inDays(-1) });
  writeFileSync(join(dir, "warned.pem"), old.cert + second.cert);
  writeFileSync(join(dir, "warned-crl.pem"), await revocationList(old, [], inDays(-1)));
  const { auth, lines } = await loadAuth('ca = "warned.pem", crl = "warned-crl.pem"');
  assert.notEqual(auth, undefined);
  assert.equal(lines.length, 3);
  assert.match(lines[0]!, /^warning \.ca: warned\.pem: CN=old CA ends on .* are refused$/);
  assert.match(
    lines[1]!,
    /^warning \.crl: warned-crl\.pem: the list of CN=old CA was valid until .* are refused/,
  );
  assert.match(
    lines[2]!,
    /^warning \.crl: warned-crl\.pem has no list of CN=second CA; .* are refused; add its list$/,
  );
});

test("an intermediate CA alone is fine, and with revocation lists a warning that its root is missing", async () => {
  const root = issue(dir, "root", { extensions: ofCa });
  const intermediate = issue(dir, "intermediate", { issuer: root, extensions: ofCa });
  const read = (file: string): string => readFileSync(file, "utf8");
  const listOf = (commonName: string, { key }: CertificatePair): Promise<string> => {
    const algorithm = { name: "ECDSA", namedCurve: "P-256" };
    const privateKey = createPrivateKey(read(key)).toCryptoKey(algorithm, true, ["sign"]);
    return revocationList({ commonName, keys: { privateKey } } as CreatedCertificate, []);
  };
  assert.deepEqual((await loadAuth('ca = "intermediate.pem"')).lines, []);
  const list = await listOf("intermediate", intermediate);
  writeFileSync(join(dir, "intermediate.crl"), list);
  assert.deepEqual((await loadAuth('ca = "intermediate.pem", crl = "intermediate.crl"')).lines, [
    "warning .crl: intermediate.pem has no issuer of CN=intermediate: with lists, every CA up to the root is checked, and clients are refused; add it to ca",
  ]);
  writeFileSync(join(dir, "whole.pem"), read(intermediate.cert) + read(root.cert));
  writeFileSync(join(dir, "whole.crl"), list + (await listOf("root", root)));
  assert.deepEqual((await loadAuth('ca = "whole.pem", crl = "whole.crl"')).lines, []);
});

test("clients with certificates on P-521 are let in over TLS 1.2 unless groups says otherwise", async () => {
  const groupsOf = async (more: string): Promise<readonly string[]> => {
    const text = `${smallest}
[listeners.echo.tls]
certificates = [{ cert = "server.pem", key = "server.key" }]
${more}`;
    return (await load(text, {}, dir)).model!.listeners[0]!.tls[0]!.groups;
  };
  const asked = 'client_auth = { ca = "ca.pem" }';
  assert.equal((await groupsOf(asked)).at(-1), "P-521");
  assert.equal((await groupsOf("")).includes("P-521"), false);
  assert.deepEqual(await groupsOf(`${asked}\ngroups = ["P-256"]`), ["P-256"]);
});

const hex = "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF";
const base64 = Buffer.from(hex.replaceAll(":", ""), "hex").toString("base64");

test("rules become what they mean", async () => {
  const rules = [
    "spiffe://acme.test/web",
    "spiffe://acme.test/*",
    "dns:*.Example.COM.",
    "ip:10.1.0.0/16",
    "ip:2001:DB8::1",
    "subject:CN=Doe\\\\, John,O=Acme",
    `sha256:${hex}`,
    `sha256:${base64}`,
  ];
  const list = rules.map((rule) => `"${rule}"`).join(", ");
  const { auth, lines } = await loadAuth(`ca = "ca.pem", allow = [${list}]`);
  assert.deepEqual(lines, []);
  assert.deepEqual(auth?.allow, [
    { kind: "spiffe", id: "spiffe://acme.test/web" },
    { kind: "spiffe", id: "spiffe://acme.test/*" },
    { kind: "dns", name: "*.example.com" },
    { kind: "ip", range: { family: "ipv4", address: "10.1.0.0", prefix: 16 } },
    { kind: "ip", range: { family: "ipv6", address: "2001:db8::1", prefix: 128 } },
    { kind: "subject", attributes: ["CN=Doe, John", "O=Acme"] },
    { kind: "sha256", pin: base64 },
    { kind: "sha256", pin: base64 },
  ]);
});

for (const [rule, message] of [
  ["alice", /"alice" names no kind of rule; expected "spiffe:/],
  ["SPIFFE://a/b", /names no kind of rule/],
  ["spiffe://Acme.test/x", /is no SPIFFE ID/],
  ["spiffe://a.test/x/", /is no SPIFFE ID/],
  ["spiffe://a.test/*/x", /is no SPIFFE ID/],
  ["dns:", /has a host name that can't exist/],
  ["dns:10.0.0.1", /is an IP address/],
  ["ip:a.test", /is no IP address/],
  ["ip:10.0.0.1/8", /did you mean ip:10\.0\.0\.0\/8\?/],
  ["subject:alice", /is no distinguished name/],
  ["subject:", /is no distinguished name/],
  [`sha256:${base64.slice(1)}`, /is no pin; expected the SHA-256/],
  [`sha256:${hex.slice(3)}`, /is no pin/],
] as const)
  test(`the rule ${rule} is refused`, async () => {
    const { auth, lines } = await loadAuth(`ca = "ca.pem", allow = ["spiffe://a.test/b", "${rule}"]`);
    assert.equal(auth, undefined);
    assert.equal(lines.length, 1);
    assert.match(lines[0]!, /^error \.allow\[1\]: /);
    assert.match(lines[0]!, message);
  });

test("an allow-list that lets nobody in is an error", async () => {
  const { lines } = await loadAuth('ca = "ca.pem", allow = []');
  assert.deepEqual(lines, ["error .allow: expected at least one rule, got an empty list"]);
});

test("a listener that lets clients without TLS in can't require certificates", async () => {
  const { lines } = await loadAuth('ca = "ca.pem"', "detect = true");
  assert.deepEqual(lines, [
    "error listeners.echo.detect: lets clients without TLS in, and they have no certificate; remove it, or tls.client_auth",
  ]);
  assert.deepEqual((await loadAuth('mode = "optional", ca = "ca.pem"', "detect = true")).lines, []);
});

test("a certificate of a client is no CA either", async () => {
  await issueClient(dir, "client", authority, { subject: "CN=client" });
  assert.match(
    (await loadAuth('ca = "client.pem"')).lines[0]!,
    /holds a certificate that is no CA \(CN=client\)/,
  );
});
