import assert from "node:assert/strict";
import { test } from "node:test";
import { RulesJudge } from "../../../src/data/guard/rules.ts";
import type { GuardedRequest } from "../../../src/data/guard/step.ts";
import { loadRegexes } from "../../../src/lib/regex.ts";
import type { Condition } from "../../../src/model/http/condition.ts";
import type { AccessRule } from "../../../src/model/http/guard.ts";
import type { TextTest } from "../../../src/model/http/match.ts";

await loadRegexes();

interface Asked {
  readonly secondPath?: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly client?: string;
  readonly peer?: string;
  readonly connection?: object;
}

const requestOf = ({
  secondPath,
  fields = {},
  query = {},
  client = "192.0.2.1",
  peer = client,
  connection,
}: Asked) =>
  ({
    client,
    secondPath,
    fields,
    query,
    // As requests do, these need their `this`.
    header(this: { fields: Record<string, string> }, name: string) {
      return this.fields[name];
    },
    queryValue(this: { query: Record<string, string> }, name: string) {
      return this.query[name];
    },
    connection: {
      clientAddress: peer,
      serverName: "a.test",
      raw: { localAddress: "::ffff:127.0.0.1", localPort: 8080 },
      ...connection,
    },
  }) as unknown as GuardedRequest;

const text = (kind: TextTest["kind"], value: string): TextTest => ({ kind, value, ignoreCase: false });
const rule = (when: Condition, allows = true): AccessRule => ({ name: "r", when, allows });

/** Whether a request meets a condition. */
function meets(when: Condition, asked: Asked): boolean {
  const judge = new RulesJudge({ kind: "rules", name: "rules.x", rules: [rule(when)], otherwise: false });
  return judge.judge(requestOf(asked)).kind === "pass";
}

const range = (address: string, prefix: number) => [{ family: "ipv4", address, prefix }] as const;
const header = (name: string, test: TextTest): Condition => ({
  kind: "header",
  match: { name, test, not: false },
});

for (const [name, condition, yes, no] of [
  ["any", { kind: "any" }, {}, undefined],
  ["a header", header("x-a", text("prefix", "1")), { fields: { "x-a": "12" } }, { fields: { "x-a": "21" } }],
  [
    "a key of the query",
    { kind: "query", match: { name: "k", test: { kind: "present" }, not: true } },
    {},
    { query: { k: "" } },
  ],
  [
    "the path, without its query",
    { kind: "path", test: text("regex", "/a/.*") },
    { fields: { ":path": "/a/b?c" } },
    { fields: { ":path": "/b?/a/" } },
  ],
  [
    "the client",
    { kind: "client", ranges: range("10.0.0.0", 8) },
    { client: "10.1.1.1" },
    { client: "11.1.1.1" },
  ],
  ["a client without an address", { kind: "client", ranges: range("0.0.0.0", 0) }, {}, { client: "" }],
  [
    "the peer",
    { kind: "peer", ranges: range("10.0.0.0", 8) },
    { client: "1.1.1.1", peer: "10.0.0.1" },
    { client: "10.0.0.1", peer: "1.1.1.1" },
  ],
  [
    "the peer, which is the proxy's address behind a PROXY header",
    { kind: "peer", ranges: range("10.0.0.0", 8) },
    { client: "1.1.1.1", connection: { proxy: { via: "10.0.0.1", header: {} } } },
    { client: "10.0.0.1", connection: { proxy: { via: "1.1.1.1", header: {} } } },
  ],
  [
    "the source, which a PROXY header may say",
    { kind: "source", ranges: range("10.0.0.0", 8) },
    { client: "1.1.1.1", peer: "10.0.0.1", connection: { proxy: { via: "1.1.1.1", header: {} } } },
    { client: "10.0.0.1", peer: "1.1.1.1", connection: { proxy: { via: "10.0.0.1", header: {} } } },
  ],
  [
    "a header that is there, and another",
    { kind: "header", match: { name: "x-a", test: text("exact", "1"), not: true, missing: "fails" } },
    { fields: { "x-a": "2" } },
    {},
  ],
  ["the local address", { kind: "local", ranges: range("127.0.0.0", 8) }, {}, { connection: { raw: {} } }],
  [
    "the local port, which a PROXY header may say",
    { kind: "local-port", from: 1, to: 10 },
    { connection: { proxy: { header: { destination: { address: "10.0.0.1", port: 10 } } } } },
    {},
  ],
  [
    "the server name",
    { kind: "server-name", test: text("exact", "a.test") },
    {},
    { connection: { serverName: "" } },
  ],
  [
    "all, some and not",
    {
      kind: "all",
      of: [
        { kind: "some", of: [header("x-a", text("exact", "1")), header("x-b", text("exact", "1"))] },
        { kind: "not", of: header("x-c", text("exact", "1")) },
      ],
    },
    { fields: { "x-b": "1" } },
    { fields: { "x-b": "1", "x-c": "1" } },
  ],
  [
    "the page's host",
    { kind: "same-origin", others: [] },
    { fields: { origin: "https://a.test:8443", ":authority": "A.test:8443" } },
    { fields: { origin: "https://b.test", ":authority": "a.test" } },
  ],
  [
    "the host of a page that is named",
    { kind: "same-origin", others: [text("suffix", ".ok.test")] },
    { fields: { referer: "https://x.ok.test/y", ":authority": "a.test" } },
    { fields: { ":authority": "a.test" } },
  ],
] as const satisfies readonly (readonly [string, Condition, Asked, Asked | undefined])[])
  test(`a rule asks for ${name}`, () => {
    assert.equal(meets(condition, yes), true);
    if (no !== undefined) assert.equal(meets(condition, no), false);
  });

test("a connection's certificate is read once, however many requests and conditions ask for it", () => {
  let reads = 0;
  const connection = {
    tls: {},
    client: {
      getPeerX509Certificate: () => {
        reads++;
        return { subjectAltName: "DNS:b", subject: "CN=c" };
      },
    },
  };
  // The same object for each request, as a connection is.
  const request = { ...requestOf({}), connection: connection as unknown as GuardedRequest["connection"] };
  for (const value of ["a", "b", "b"]) {
    const when: Condition = { kind: "certificate", test: text("exact", value) };
    const judge = new RulesJudge({ kind: "rules", name: "rules.x", rules: [rule(when)], otherwise: false });
    assert.equal(judge.judge(request).kind === "pass", value === "b");
  }
  assert.equal(reads, 1);
});

test("a rule asks for a certificate, by its URIs, else its DNS names, else its subject", () => {
  const shown = (subjectAltName: string | undefined, subject: string): Asked => ({
    connection: {
      tls: {},
      client: { getPeerX509Certificate: () => ({ subjectAltName, subject }) },
    },
  });
  const exact = (value: string): Condition => ({ kind: "certificate", test: text("exact", value) });
  const anybody: Condition = { kind: "certificate", test: undefined };
  assert.equal(meets(anybody, {}), false);
  assert.equal(meets(anybody, shown(undefined, "CN=a")), true);
  assert.equal(meets(exact("spiffe://a"), shown("URI:spiffe://a, DNS:b", "CN=c")), true);
  assert.equal(meets(exact("b"), shown("URI:spiffe://a, DNS:b", "CN=c")), false);
  assert.equal(meets(exact("b"), shown("DNS:b", "CN=c")), true);
  assert.equal(meets(exact("CN=c,O=o"), shown(undefined, "O=o\nCN=c")), true);
  for (const [of, value] of [
    ["uri", "spiffe://a"],
    ["dns", "b"],
    ["subject", "CN=c"],
  ] as const)
    for (const asked of ["spiffe://a", "b", "CN=c"])
      assert.equal(
        meets(
          { kind: "certificate", test: text("exact", asked), of },
          shown("URI:spiffe://a, DNS:b", "CN=c"),
        ),
        asked === value,
      );
  assert.equal(
    meets({ kind: "certificate", test: text("regex", ".*"), of: "uri" }, shown("DNS:b", "CN=c")),
    false,
  );
});

test("the first rule that a request meets decides, and what happens without one is said", () => {
  const rules = [rule(header("x-no", text("exact", "1")), false), rule(header("x-yes", text("exact", "1")))];
  const judge = (otherwise: boolean, fields: Asked["fields"]): string =>
    new RulesJudge({ kind: "rules", name: "rules.x", rules, otherwise }).judge(
      requestOf({ fields: fields ?? {} }),
    ).kind;
  assert.equal(judge(false, { "x-no": "1", "x-yes": "1" }), "refuse");
  assert.equal(judge(false, { "x-yes": "1" }), "pass");
  assert.equal(judge(false, {}), "refuse");
  assert.equal(judge(true, {}), "pass");
});

test("a request whose path a lax backend reads in another way has to be let in both ways", () => {
  const admin: Condition = { kind: "path", test: text("prefix", "/admin") };
  const target: Condition = header(":path", text("exact", "/admin?a"));
  for (const [when, fields] of [
    [admin, { ":path": "/x%2f..%2fadmin" }],
    [target, { ":path": "/x%2f..%2fadmin?a" }],
  ] as const) {
    const deny = new RulesJudge({
      kind: "rules",
      name: "rules.x",
      rules: [rule(when, false)],
      otherwise: true,
    });
    assert.equal(deny.judge(requestOf({ fields })).kind, "pass");
    assert.equal(deny.judge(requestOf({ fields, secondPath: "/admin" })).kind, "refuse");
  }
  const allow: Condition = { kind: "path", test: text("prefix", "/x") };
  assert.equal(meets(allow, { fields: { ":path": "/x%2f..%2fadmin" } }), true);
  assert.equal(meets(allow, { fields: { ":path": "/x%2f..%2fadmin" }, secondPath: "/admin" }), false);
});
