import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { explainModel } from "../../src/cli/explain-file.ts";
import { formatExplanation } from "../../src/cli/explain-text.ts";
import { readQuestion } from "../../src/control/tell/explain.ts";
import type { Explanation } from "../../src/model/explanation.ts";
import type { Model } from "../../src/model/model.ts";
import { loadModel } from "../providers/toml/loading.ts";
import { type TestCertificates, testCertificates } from "../support/certificates.ts";

let certificates: TestCertificates;
let model: Model;

before(async () => {
  certificates = await testCertificates();
  const { ecdsa, rsa, otherName, ca } = certificates;
  const pairs = [ecdsa, rsa, otherName].map(({ cert, key }) => `{ cert = "${cert}", key = "${key}" }`);
  const tls = `certificates = [${pairs.join(", ")}]`;
  const pools = ["main", "mqtt", "through", "plain"].map(
    (name, index) =>
      `[pools.${name}]\npicker = "round-robin"\ndiscovery = { type = "static", backends = ["127.0.0.${index + 1}:80"] }`,
  );
  model = await loadModel(`
    [listeners.web]
    bind = "0.0.0.0:443"
    pool = "main"
    allow = ["10.0.0.0/8", "2001:db8::/32"]
    deny = ["10.9.0.0/16"]
    routes = [{ alpn = ["mqtt"], pool = "mqtt" }, { sni = ["through.test"], pool = "through", passthrough = true }]
    tls = { alpn = ["mqtt", "h2"], ${tls} }
    [listeners.strict]
    bind = "0.0.0.0:444"
    pool = "main"
    tls = { strict_sni = true, client_auth = { mode = "require", ca = "${ca}" }, ${tls} }
    [listeners.through]
    bind = "0.0.0.0:445"
    mode = "passthrough"
    pool = "through"
    [listeners.mixed]
    bind = "0.0.0.0:446"
    detect = true
    pool = "main"
    routes = [{ protocol = ["http1"], pool = "plain" }]
    tls = { ${tls} }
    [listeners.plain]
    bind = "0.0.0.0:447"
    pool = "plain"
    proxy_protocol = { trust = ["192.0.2.0/24"] }
    deny = ["10.9.0.0/16"]
    [listeners.local]
    bind = "unix:/run/umay-test.sock"
    pool = "plain"
    allow = ["10.0.0.0/8"]
    [listeners.names]
    bind = "0.0.0.0:448"
    pool = "names"
    ${pools.join("\n")}
    [pools.names]
    picker = "round-robin"
    discovery = { type = "static", backends = ["127.0.0.1:80", "nowhere.invalid:80"] }`);
});

async function explained(query: string): Promise<Explanation> {
  const question = readQuestion(new URLSearchParams(query), model.listeners);
  assert.ok(question.ok, JSON.stringify(question));
  return explainModel(model, question.value);
}

describe("admission", () => {
  const rules = [
    ["client=10.1.2.3", "allow 10.0.0.0/8", null],
    ["client=2001:DB8::9", "allow 2001:db8::/32", null],
    ["client=10.9.1.1", "deny 10.9.0.0/16", "denied"],
    ["client=192.0.2.1", "not in allow 10.0.0.0/8, 2001:db8::/32", "denied"],
  ] as const;
  for (const [query, rule, reason] of rules)
    test(`${query}: ${rule}`, async () => {
      const { served, reason: overall, admission, tls } = await explained(`listener=web&${query}`);
      assert.deepEqual(admission, { admitted: reason === null, rule, reason });
      assert.deepEqual([served, overall, tls === null], [reason === null, reason, reason !== null]);
    });

  test("behind a proxy, first the proxy is judged and then the client that it brings", async () => {
    const judged = async (query: string): Promise<unknown> =>
      (await explained(`listener=plain&${query}`)).reason;
    assert.equal(await judged("via=192.0.2.7&client=10.1.1.1"), null);
    assert.equal(await judged("via=192.0.3.7&client=10.1.1.1"), "proxy_untrusted");
    assert.equal(await judged("via=192.0.2.7&client=10.9.1.1"), "denied");
    const { notes } = await explained("listener=plain&client=10.1.1.1");
    assert.ok(notes.some((note) => note.includes("a trusted proxy that brings 10.1.1.1 is assumed")));
  });

  test("a unix socket's client is on no list, and lists do not mind", async () => {
    assert.equal((await explained("listener=local")).reason, null);
  });
});

describe("TLS", () => {
  const certificate = async (query: string): Promise<unknown> => {
    const { tls } = await explained(`client=10.1.1.1&${query}`);
    const { files, by, name } = tls!.certificate!;
    return [files, by, name];
  };

  test("the certificate is chosen by exact name, wildcard, or default, and names are read as hellos are", async () => {
    const { ecdsa, rsa, otherName } = certificates;
    const both = [ecdsa.cert, rsa.cert];
    assert.deepEqual(await certificate("listener=web&sni=LocalHost."), [both, "exact", "localhost"]);
    assert.deepEqual(await certificate("listener=web&sni=a.other.test"), [
      [otherName.cert],
      "wildcard",
      "*.other.test",
    ]);
    for (const name of ["", "elsewhere.test", "a.b.other.test"])
      assert.deepEqual(await certificate(`listener=web&sni=${name}`), [both, "default", null]);
  });

  test("strict_sni refuses names that no certificate covers, and none", async () => {
    for (const name of ["elsewhere.test", "", "127.0.0.1"]) {
      const { served, reason, tls } = await explained(`listener=strict&sni=${name}`);
      assert.deepEqual([served, reason, tls!.handling], [false, "unknown_name", "refused"]);
    }
    const { served, tls, notes } = await explained("listener=strict&sni=localhost");
    assert.deepEqual([served, tls!.client_auth], [true, "require"]);
    assert.ok(notes.some((note) => note.includes("must show a certificate")));
  });

  test("the server's order decides the protocol; none in common is refused, and none offered is not", async () => {
    const agreed = async (query: string): Promise<unknown> => {
      const { tls, reason } = await explained(`listener=web&client=10.1.1.1&${query}`);
      return reason ?? tls!.alpn;
    };
    assert.equal(await agreed("alpn=h2,mqtt"), "mqtt");
    assert.equal(await agreed("alpn=h2"), "h2");
    assert.equal(await agreed("alpn=h3"), "no_application_protocol");
    assert.equal(await agreed(""), null);
  });

  test("what is not TLS is refused where TLS is expected, and relayed where protocols are detected", async () => {
    for (const listener of ["web", "through"])
      assert.equal(
        (await explained(`listener=${listener}&client=10.1.1.1&protocol=http1`)).reason,
        "not_tls",
      );
    const detected = await explained("listener=mixed&protocol=http1&sni=ignored.test");
    assert.deepEqual([detected.tls!.handling, detected.route!.pool], ["none", "plain"]);
    assert.ok(detected.notes.includes("server name and ALPN are not looked at"));
    assert.equal((await explained("listener=mixed&protocol=other")).route!.pool, "main");
  });

  test("TLS is passed through by mode and by route", async () => {
    const whole = await explained("listener=through&sni=any.test&alpn=h3");
    assert.deepEqual([whole.tls!.handling, whole.route!.pool], ["passed_through", "through"]);
    const one = await explained("listener=web&client=10.1.1.1&sni=through.test&alpn=h3");
    assert.deepEqual([one.tls!.handling, one.route!.matched], ["passed_through", 2]);
  });
});

test("a name that cannot be resolved is told, and its backend is not there", async () => {
  const { pool, notes } = await explained("listener=names");
  assert.deepEqual(
    pool!.backends.map(({ address }) => address),
    ["127.0.0.1:80"],
  );
  assert.ok(
    notes.some((note) => note.startsWith("nowhere.invalid: ")),
    notes.join("\n"),
  );
  assert.ok(notes.some((note) => note.includes("told from a configuration")));
});

test("the text is aligned, tells the verdict first, and has colours only where they are wanted", async () => {
  const explanation = await explained("listener=web&client=10.1.2.3&sni=through.test&alpn=h2");
  const text = formatExplanation(explanation, { color: false });
  assert.equal(
    text,
    `served by 127.0.0.3:80 of pool through

asked     listener web, client 10.1.2.3, speaking tls, server name through.test, ALPN h2
admitted  allow 10.0.0.0/8
TLS       passed through, as it comes
route     1  alpn mqtt         no: another ALPN protocol
          2  sni through.test  yes, passed through, to pool through
pool      through, round-robin: whose turn it is first
          127.0.0.3:80  picked
note      told from a configuration: every backend counts as up and idle
`,
  );
  const coloured = formatExplanation(explanation, { color: true });
  assert.notEqual(coloured, text);
  assert.equal(stripVTControlCharacters(coloured), text);
});

test("a refusal says its reason and what decided", async () => {
  const text = formatExplanation(await explained("listener=web&client=10.9.0.1"), { color: false });
  assert.match(text, /^not served: denied, the client's address is in deny, or not in allow\n/);
  assert.match(text, /^refused {2}deny 10\.9\.0\.0\/16 \(denied\)$/m);
});
