import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempDisposableSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { startEchoBackend } from "../support/backend.ts";
import { type CertificatePair, testCertificates } from "../support/certificates.ts";
import { connectSecure, poolToml } from "../support/client.ts";
import { runCommand } from "../support/command.ts";
import { issue, ofCa } from "../support/issue.ts";
import { soon } from "../support/peer.ts";
import { becomes } from "../support/settled.ts";
import { echoed } from "../support/talk.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

const folder = mkdtempDisposableSync(join(tmpdir(), "umay-hostile-"));
const at = (name: string): string => join(folder.path, name);
after(() => folder.remove());

describe("umay check", () => {
  const check = async (toml: string, env: Record<string, string> = {}) => {
    writeFileSync(at("umay.toml"), toml);
    return await soon(runCommand(["check", at("umay.toml")], { env }), "umay check");
  };

  test("tells of a pipe, of a name that is not in ASCII, and nothing of what came from the environment", async () => {
    execFileSync("mkfifo", [at("pipe")]);
    const { code, stdout, stderr } = await check(
      `[listeners.a]
      bind = "127.0.0.1:1"
      pool = "p"
      routes = [{ sni = ["bücher.example"], pool = "p" }]
      tls = { certificates = [{ cert = "pipe", key = "/dev/zero" }], min_version = "\${VERSION}" }
      ${poolToml("p", ["127.0.0.1:2"])}`,
      { VERSION: "swordfish" },
    );
    assert.equal(code, 78);
    assert.match(stderr, /pipe is a pipe, and umay reads regular files only/);
    assert.match(stderr, /\/dev\/zero is a device/);
    assert.match(stderr, /xn--bcher-kva\.example/);
    assert.doesNotMatch(stdout + stderr, /swordfish/);
  });

  test("warns of certificates that clients will refuse", async () => {
    const { cert, key } = issue(folder.path, "stapled", {
      extensions: [
        "subjectAltName=DNS:localhost",
        "tlsfeature=status_request",
        "extendedKeyUsage=clientAuth",
      ],
    });
    const { code, stderr, stdout } = await check(
      `listeners.a = { bind = "127.0.0.1:1", pool = "p", tls.certificates = [{ cert = "${cert}", key = "${key}" }] }
      ${poolToml("p", ["127.0.0.1:2"])}`,
    );
    assert.equal(code, 0);
    assert.match(stdout + stderr, /must-staple/);
    assert.match(stdout + stderr, /not meant for servers/);
  });

  test("ends with 78 for a key of 5,000 parts", async () => {
    const { code, stderr } = await check(`${Array(5_000).fill("a").join(".")} = 1`);
    assert.equal(code, 78);
    assert.ok(stderr.length < 2_000, stderr.slice(0, 2_000));
  });
});

describe("a running umay", () => {
  const resources = new AsyncDisposableStack();
  let umay: RunningUmay;
  const clients: Record<string, { readonly cert: Buffer; readonly key: Buffer }> = {};
  let renewed = "";
  /** As `cat` glues files of which none has a newline at its end. */
  const glued = (...pairs: readonly CertificatePair[]): string =>
    pairs.map(({ cert }) => readFileSync(cert, "utf8").trimEnd()).join("");

  before(async () => {
    const issued = (name: string, options: Parameters<typeof issue>[2]) => issue(folder.path, name, options);
    const read = ({ cert, key }: ReturnType<typeof issue>) => ({
      cert: readFileSync(cert),
      key: readFileSync(key),
    });
    const asClient = ["extendedKeyUsage=clientAuth"];
    const [first, second, root] = ["first", "second", "root"].map((name) =>
      issued(name, { extensions: ofCa }),
    );
    const middle = issued("middle", { extensions: ofCa, issuer: root! });
    for (const [name, issuer] of Object.entries({ one: first!, two: second!, three: middle }))
      clients[name] = read(issued(name, { issuer, extensions: asClient }));
    const late = issued("late", { extensions: ofCa });
    clients["four"] = read(issued("four", { issuer: late, extensions: asClient }));
    writeFileSync(at("cas.pem"), glued(first!, second!, middle));
    renewed = glued(first!, second!, middle, late);
    const { ecdsa } = await testCertificates();
    for (const kind of ["cert", "key"] as const)
      writeFileSync(at(`marked.${kind}`), `\uFEFF${readFileSync(ecdsa[kind], "utf8")}`);
    execFileSync("mkfifo", [at("list.json")]);
    const backend = resources.use(await startEchoBackend());
    const spaces = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => socket.end(`HTTP/1.1 200 OK\r\nx:${" ".repeat(16_200)}\x01\r\n\r\n`));
    }).listen(0, "127.0.0.1");
    resources.defer(() => void spaces.close());
    await new Promise((resolve) => spaces.once("listening", resolve));
    const { port } = spaces.address() as { port: number };
    const check = 'health = { type = "http", interval = "100ms", fall = 1 }';
    umay = resources.use(
      await startUmay(`
        workers = 1
        admin.bind = "127.0.0.1:0"
        [listeners.web]
        bind = "127.0.0.1:0"
        pool = "echo"
        [listeners.web.tls]
        certificates = [{ cert = "${at("marked.cert")}", key = "${at("marked.key")}" }]
        client_auth = { ca = "${at("cas.pem")}" }
        ${poolToml("echo", [backend.address])}
        ${poolToml("spaces", [`127.0.0.1:${port}`], check)}
        [pools.listed.discovery]
        type = "file"
        path = "${at("list.json")}"`),
    );
  });
  after(() => resources.disposeAsync());

  test("knows clients of each CA of a file without newlines, an intermediate without its root too, also once it is renewed", async () => {
    const { four, ...known } = clients;
    const serves = async (client = four): Promise<boolean> => {
      using peer = await connectSecure(umay.port("web"), client);
      return await echoed(peer).then(
        () => true,
        () => false,
      );
    };
    for (const client of Object.values(known)) assert.ok(await serves(client));
    assert.equal(await serves(), false);
    writeFileSync(at("cas.pem"), renewed);
    await becomes(serves, Boolean, "a client of the CA that was added");
    for (const client of Object.values(known)) assert.ok(await serves(client));
  });

  test("goes on where a list of backends is a pipe, and takes the file that replaces it", async () => {
    assert.deepEqual((await umay.status()).pools["listed"]!.backends, []);
    rmSync(at("list.json"));
    writeFileSync(at("list.json"), '{ "backends": ["127.0.0.1:9"] }');
    await becomes(
      async () => (await umay.status()).pools["listed"]!.backends.length,
      (count) => count === 1,
      "backends of the list",
      90_000,
    );
  });

  test("answers probes beside a hundred silent clients of its admin server and a backend of spaces", async () => {
    const port = Number(new URL(umay.admin).port);
    const silent: Socket[] = Array.from({ length: 100 }, () =>
      connect(port, "127.0.0.1").on("error", () => {}),
    );
    try {
      for (let probe = 0; probe < 20; probe++) {
        const answer = await soon(
          fetch(`${umay.admin}/livez`, { headers: { connection: "close" } }),
          "/livez",
        );
        assert.equal(answer.status, 200);
      }
    } finally {
      for (const socket of silent) socket.destroy();
    }
    await becomes(
      async () => (await umay.status()).pools["spaces"]!.backends[0]!.state,
      (state) => state === "down",
      "the backend of spaces",
    );
  });
});
