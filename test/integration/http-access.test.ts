import assert from "node:assert/strict";
import { mkdtempDisposableSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { hashSync } from "bcryptjs";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { createCertificate } from "../../src/cli/create-certificate.ts";
import { testCertificates } from "../support/certificates.ts";
import { poolToml } from "../support/client.ts";
import { type ClientCertificate, issueClient } from "../support/client-certificates.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";
import { NodeServer } from "../support/web-servers.ts";

describe("access by route", () => {
  const stack = new AsyncDisposableStack();
  const dir = stack.use(mkdtempDisposableSync(join(tmpdir(), "umay-access-"))).path;
  const inDir = (name: string): string => join(dir, name);
  let backend: NodeServer;
  let umay: RunningUmay;
  let alice: ClientCertificate;
  let bob: ClientCertificate;
  let sign: (claims: JWTPayload) => Promise<string>;

  before(async () => {
    const authority = await createCertificate({
      commonName: "clients CA",
      notAfter: new Date(Date.now() + 86_400_000),
    });
    writeFileSync(inDir("ca.pem"), authority.cert);
    const names = [{ type: "url", value: "spiffe://acme.test/web/1" }] as const;
    alice = await issueClient(dir, "alice", authority, { subject: "CN=alice", names: [...names] });
    bob = await issueClient(dir, "bob", authority, { subject: "CN=bob" });
    writeFileSync(inDir("users"), `carol:${hashSync("right", 4)}\n`);
    const { publicKey, privateKey } = await generateKeyPair("ES256");
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: "1" }] };
    writeFileSync(inDir("jwks.json"), JSON.stringify(jwks));
    sign = (claims) =>
      new SignJWT({ iss: "https://issuer.test", aud: "api", sub: "dave", ...claims })
        .setProtectedHeader({ alg: "ES256", kid: "1" })
        .setExpirationTime("1m")
        .sign(privateKey);
    const { ecdsa } = await testCertificates();
    backend = stack.use(await NodeServer.start());
    umay = stack.use(
      await startUmay(`
      workers = 2
      admin = { bind = "127.0.0.1:0" }
      [listeners.web]
      bind = "127.0.0.1:0"
      mode = "http"
      [listeners.secure]
      bind = "127.0.0.1:0"
      mode = "http"
      [listeners.secure.tls]
      client_auth = { mode = "optional", ca = "${inDir("ca.pem")}" }
      certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }]
      [auth.staff]
      type = "basic"
      users_file = "${inDir("users")}"
      [auth.devices]
      type = "mtls"
      allow = ["spiffe://acme.test/web/*"]
      [auth.api]
      type = "jwt"
      keys_file = "${inDir("jwks.json")}"
      issuer = ["https://issuer.test"]
      audience = ["api"]
      claims = { scope = "write" }
      [routes.api]
      path_prefix = "/api"
      auth = ["api"]
      pool = "app"
      request_headers = { set = { x-user = "\${auth.user}", x-mail = "\${auth.claim.email}" } }
      [routes.open]
      path_prefix = "/open"
      pool = "app"
      [routes.staff]
      path_prefix = "/staff"
      auth = ["staff"]
      pool = "app"
      request_headers = { set = { x-user = "\${auth.user}" } }
      [routes.devices]
      listeners = ["secure"]
      path_prefix = "/devices"
      auth = ["devices"]
      pool = "app"
      request_headers = { set = { x-user = "\${auth.user}" } }
      [routes.either]
      listeners = ["secure"]
      path_prefix = "/either"
      auth = ["devices", "staff"]
      respond = { body = "in" }
      ${poolToml("app", [backend.address])}`),
    );
  });
  after(() => stack.disposeAsync());

  /** Over TLS, with this certificate. */
  async function ask(path: string, certificate?: ClientCertificate, headers: Record<string, string> = {}) {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; challenge: string }>();
    const shown = certificate && { cert: readFileSync(certificate.cert), key: readFileSync(certificate.key) };
    request(
      {
        port: umay.port("secure"),
        host: "127.0.0.1",
        path,
        headers,
        rejectUnauthorized: false,
        agent: false,
        ...shown,
      },
      (response) => {
        response.resume();
        resolve({ status: response.statusCode!, challenge: response.headers["www-authenticate"] ?? "" });
      },
    )
      .on("error", reject)
      .end();
    return await promise;
  }

  const plain = (path: string, authorization?: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${umay.port("web")}${path}`, { headers: authorization ? { authorization } : {} });

  const basic = (credentials: string): string => `Basic ${Buffer.from(credentials).toString("base64")}`;

  test("a route without auths serves everybody", async () => {
    assert.equal((await plain("/open")).status, 200);
  });

  test("user and password let in, and the backend is told who it is", async () => {
    const seen = backend.seen.length;
    for (const [authorization, status] of [
      [undefined, 401],
      [basic("carol:wrong"), 401],
      [basic("mallory:right"), 401],
      ["Bearer carol:right", 401],
      [basic("carol:right"), 200],
      [basic("carol:right"), 200],
    ] as const) {
      const response = await plain("/staff", authorization);
      assert.equal(response.status, status, authorization);
      const challenge = response.headers.get("www-authenticate");
      assert.equal(challenge, status === 401 ? 'Basic realm="staff", charset="UTF-8"' : null);
      assert.doesNotMatch(await response.text(), /carol|mallory|wrong/);
    }
    const reached = backend.seen.slice(seen);
    assert.deepEqual(
      reached.map(({ headers }) => headers["x-user"]),
      ["carol", "carol"],
    );
    const line = await umay.logged(({ detail }) => /mallory/.test(String(detail)));
    assert.equal(line["reason"], "auth_required");
    assert.equal(await umay.metric("umay_auth_total", { auth: "staff", result: "passed" }), 2);
  });

  test("a changed file of users counts without a reload, and one that can't be used does not", async () => {
    writeFileSync(inDir("users"), `carol:${hashSync("new", 4)}\n`);
    await umay.logged(({ msg }) => msg === "users were renewed");
    // Each worker takes them into service in its own time.
    for (let inRow = 0; inRow < 20; ) {
      const [now, before] = [
        await plain("/staff", basic("carol:new")),
        await plain("/staff", basic("carol:right")),
      ];
      inRow = now.status === 200 && before.status === 401 ? inRow + 1 : 0;
    }
    writeFileSync(inDir("users"), "carol:plain\n");
    const line = await umay.logged(({ msg }) => /^a renewed file can't be used/.test(msg));
    assert.match(line.msg, /users has for user "carol", in line 1, no hash/);
    assert.equal((await plain("/staff", basic("carol:new"))).status, 200);
    assert.equal(await umay.metric("umay_auth_file_reloads_total", { auth: "staff", result: "failed" }), 1);
  });

  test("a token lets in, and the backend is told what it says", async () => {
    const seen = backend.seen.length;
    const good = { scope: "read write", email: "dave@issuer.test\r\nx-admin: 1" };
    for (const [claims, status] of [
      [good, 200],
      [good, 200],
      [{ scope: "read" }, 403],
      [{ ...good, aud: "other" }, 401],
    ] as const)
      assert.equal((await plain("/api", `Bearer ${await sign(claims)}`)).status, status);
    assert.equal((await plain("/api")).headers.get("www-authenticate"), "Bearer");
    const [first] = backend.seen.slice(seen);
    assert.equal(backend.seen.length, seen + 2);
    assert.deepEqual(
      [first!.headers["x-user"], first!.headers["x-mail"], first!.headers["x-admin"]],
      ["dave", "dave@issuer.test  x-admin: 1", undefined],
    );
    await umay.logged(({ detail }) => detail === 'auth.api: claim scope of "dave" has none of write');
  });

  test("a certificate lets in where it fits, and nobody else", async () => {
    assert.equal((await ask("/devices")).status, 403);
    assert.equal((await ask("/devices", bob)).status, 403);
    const seen = backend.seen.length;
    assert.equal((await ask("/devices", alice)).status, 200);
    assert.equal(backend.seen[seen]!.headers["x-user"], "CN=alice, spiffe://acme.test/web/1");
    await umay.logged(({ detail }) => detail === "auth.devices: no rule lets CN=bob in");
  });

  test("one of two auths is enough, and a client with neither is asked for what it can say", async () => {
    assert.equal((await ask("/either", alice)).status, 200);
    assert.equal((await ask("/either", bob, { authorization: basic("carol:new") })).status, 200);
    assert.deepEqual(await ask("/either", bob), {
      status: 401,
      challenge: 'Basic realm="staff", charset="UTF-8"',
    });
    await umay.logged(({ detail }) =>
      /^auth\.devices: .*; auth\.staff: no Authorization$/.test(String(detail)),
    );
  });
});
