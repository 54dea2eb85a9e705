import assert from "node:assert/strict";
import { copyFileSync, mkdtempDisposableSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import { type Answers, askFor } from "../../src/cli/init-questions.ts";
import { type InitChoice, initText, readListen } from "../../src/cli/init-text.ts";
import { routesOf } from "../../src/model/http/route.ts";
import { loadConfigText } from "../../src/providers/toml/load.ts";
import { type TestCertificates, testCertificates } from "../support/certificates.ts";
import { runCommand } from "../support/command.ts";

let certificates: TestCertificates;
before(async () => {
  certificates = await testCertificates();
});

const usual: InitChoice = {
  listen: "0.0.0.0:8443",
  certificate: undefined,
  backends: ["10.0.0.1:80", "app.internal:8080", "[fd00::1]:80"],
  http: false,
  redirect: undefined,
  backendTls: false,
  healthPath: undefined,
  admin: "127.0.0.1:9901",
};

test("whatever is chosen, the configuration is good, with nothing to warn of, and is what was chosen", async () => {
  const { cert, key } = certificates.ecdsa;
  for (const http of [false, true])
    for (const certificate of [undefined, { cert, key }])
      for (const backendTls of [false, true])
        for (const healthPath of [undefined, '/a"b\\c'])
          for (const redirect of http && certificate ? [undefined, "0.0.0.0:8080"] : [undefined]) {
            const choice = { ...usual, http, certificate, backendTls, healthPath, redirect };
            const text = initText(choice);
            const { model, warnings } = await loadConfigText(text, {
              name: "umay.toml",
              directory: "/",
              env: {},
            });
            // The certificates of the tests are about to expire.
            const others = warnings.filter(({ message }) => !message.includes("expire"));
            assert.deepEqual(others, [], text);
            const web = model.listeners.find(({ name }) => name === "web")!;
            assert.deepEqual(web.bind, { kind: "tcp", host: "0.0.0.0", port: 8443 });
            assert.equal(web.tls.length > 0, certificate !== undefined);
            assert.equal(web.chains[0]!.serve.kind, http ? "http" : "relay");
            assert.equal(model.pools[0]!.tls !== undefined, backendTls);
            assert.equal(model.listeners.length, redirect === undefined ? 1 : 2);
            const spec = model.pools[0]!.discovery;
            assert.ok(spec.type === "static" && spec.backends.length === 3);
          }
});

test("every line that is commented out as a key is a good one where it stands", async () => {
  const { cert, key } = certificates.ecdsa;
  const text = initText({ ...usual, http: true, certificate: { cert, key }, backendTls: true });
  const lines = text.split("\n").map((line) => line.replace(/^# (?=\[\w|\w+ = )/, ""));
  const whole = lines.filter((line) => !/^(ca|server_name) = /.test(line)).join("\n");
  const { model } = await loadConfigText(whole, { name: "umay.toml", directory: "/", env: {} });
  assert.ok(
    [...routesOf(model.routeTables[0]!)].some(({ name }) => name === "api"),
    whole,
  );
});

const nothing: Answers = {
  listen: undefined,
  http: undefined,
  cert: undefined,
  key: undefined,
  redirect: undefined,
  backends: [],
};

/** Answers each question with the next of the texts. @returns the questions by their first words, and what was said. */
async function talk(answers: Answers, texts: readonly string[]) {
  const said: string[] = [];
  const left = [...texts];
  await askFor(answers, {
    ask: async (question) => {
      said.push(`? ${question.split(/[ ,]/)[0]}`);
      assert.ok(left.length > 0, said.join("\n"));
      return left.shift()!;
    },
    say: (text) => said.push(text.replaceAll(/(?<![:/])\/\S*\//g, "")),
  });
  assert.deepEqual(left, []);
  return said;
}

test("each answer is looked at when it is given, and asked for again where it can't be used", async () => {
  const { cert, key } = certificates.ecdsa;
  const answers = { ...nothing };
  const given = [
    "maybe",
    "y",
    "none.pem",
    key,
    cert,
    cert,
    key,
    "99999",
    "8443",
    "what",
    "",
    "http://a:1",
    "",
    "a:1, b:2",
  ];
  assert.deepEqual(await talk(answers, given), [
    "? Are",
    "maybe is neither y nor n",
    "? Are",
    "? Certificate",
    "none.pem does not exist; check the path",
    "? Certificate",
    "ecdsa.key holds no certificate; it holds a private key; are cert and key swapped?",
    "? Certificate",
    "? Its",
    "ecdsa.pem holds no private key; it holds a certificate; are cert and key swapped?",
    "? Its",
    "? Address",
    "99999 has a port above 65535: 99999",
    "? Address",
    "? Are",
    "what is neither y nor n",
    "? Are",
    "? Backends",
    'http://a:1 is not host:port, [v6]:port or unix:/path; did you mean "a:1"?',
    "? Backends",
    "name at least one backend, such as 127.0.0.1:8080",
    "? Backends",
  ]);
  assert.deepEqual(answers, {
    listen: "8443",
    http: true,
    cert,
    key,
    redirect: "80",
    backends: ["a:1", "b:2"],
  });
});

test("nobody is asked for what is known, and a certificate that is known and can't be used is asked for", async () => {
  const { cert, key } = certificates.ecdsa;
  const known = { ...nothing, listen: "1", http: false, cert, key, backends: ["a:1"] };
  assert.deepEqual(await talk(known, []), []);
  const said = await talk({ ...known, cert: "none.pem" }, [""]);
  assert.deepEqual(said, ["none.pem does not exist; check the path", "? Certificate"]);
});

test("a port alone is every address", () => {
  assert.deepEqual(["443", ":443", "*:443", "[::]:443", "unix:/run/a.sock"].map(readListen), [
    { bind: "0.0.0.0:443" },
    { bind: "0.0.0.0:443" },
    { bind: "0.0.0.0:443" },
    { bind: "[::]:443" },
    { bind: "unix:/run/a.sock" },
  ]);
  assert.equal(typeof readListen("70000"), "string");
  assert.equal(typeof readListen("example"), "string");
});

test("umay init writes a file once, with certificates by paths that the file understands, and says what is missing", async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-init-"));
  const cwd = dir.path;
  copyFileSync(certificates.ecdsa.cert, join(cwd, "web.pem"));
  copyFileSync(certificates.ecdsa.key, join(cwd, "web.key"));
  const options = ["--listen", "8443", "--cert", "web.pem", "--backend", "127.0.0.1:8080", "--http", "--yes"];
  const first = await runCommand(["init", ...options], { cwd });
  assert.deepEqual(
    [first.code, first.stdout],
    [0, "wrote umay.toml; umay check umay.toml shows what it does, umay umay.toml runs it\n"],
  );
  assert.match(readFileSync(join(cwd, "umay.toml"), "utf8"), /^cert = "web\.pem".*\nkey = "web\.key"$/m);
  const checked = await runCommand(["check"], { cwd });
  assert.equal(checked.code, 0, checked.stderr);
  assert.match(checked.stdout, /listener web: http on 0\.0\.0\.0:8443/);
  const again = await runCommand(["init", ...options], { cwd });
  assert.deepEqual(
    [again.code, again.stderr],
    [2, "umay: umay.toml is there already; --force replaces it\n"],
  );
  for (const [args, code, said] of [
    [["init", "-", "--listen", "80"], 2, /--backend host:port/],
    [["init", "-", "-b", "10.0.0.1"], 2, /--backend 10\.0\.0\.1 /],
    [["init", "-", "-b", "a:1", "--redirect", "80"], 2, /needs --http and --cert/],
    [
      ["init", "other.toml", "-b", "a:1", "--cert", "none.pem"],
      78,
      /none\.pem[\s\S]*\numay: other\.toml was not written\n$/,
    ],
  ] as const) {
    const refused = await runCommand(args, { cwd });
    assert.equal(refused.code, code, refused.stderr);
    assert.match(refused.stderr, said);
    assert.equal(refused.stdout, "");
  }
  const shown = await runCommand(["init", "-", "-b", "10.0.0.1:80"], { cwd });
  assert.match(shown.stdout, /^bind = "0\.0\.0\.0:9994"/m);
});
