import assert from "node:assert/strict";
import { createHmac, KeyObject, sign as signWith } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, describe, test } from "node:test";
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";
import { claimText } from "../../../src/data/guard/jwt/claims.ts";
import { JwtJudge } from "../../../src/data/guard/jwt/jwt.ts";
import { FetchedKeys, FixedKeys, type KeyNews, type KeySource } from "../../../src/data/guard/jwt/keys.ts";
import type { GuardedRequest, Pass, Refusal, Verdict } from "../../../src/data/guard/step.ts";
import { loadJose } from "../../../src/lib/jose.ts";
import { type KeySet, readKeySet } from "../../../src/lib/key-set.ts";
import type { JwtAuth } from "../../../src/model/http/guard.ts";

const keys = {
  rsa: await generateKeyPair("RS256", { extractable: true }),
  ec: await generateKeyPair("ES256", { extractable: true }),
  ed: await generateKeyPair("EdDSA", { extractable: true }),
};
const algorithmOf = { rsa: "RS256", ec: "ES256", ed: "EdDSA" } as const;
type Name = keyof typeof keys;

const publicKey = async (name: Name, kid: string = name): Promise<JWK> => ({
  ...(await exportJWK(keys[name].publicKey)),
  kid,
});
const setOf = (...list: JWK[]): KeySet => {
  const set = readKeySet(JSON.stringify({ keys: list }));
  assert.ok(typeof set === "object", String(set));
  return set;
};
const all = setOf(await publicKey("rsa"), await publicKey("ec"), await publicKey("ed"));

const auth: JwtAuth = {
  kind: "jwt",
  name: "auth.j",
  keys: { kind: "url", url: "http://127.0.0.1/", refresh: 60_000 },
  algorithms: ["RS256", "ES256", "EdDSA"],
  issuer: ["https://issuer.test"],
  audience: ["api"],
  skew: 5_000,
  from: [{ kind: "bearer" }],
  claims: [],
  user: "sub",
};

interface Asked {
  readonly authorization?: string | undefined;
  readonly fields?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
}

const requestWith = ({ authorization, fields = {}, query = {} }: Asked): GuardedRequest => ({
  connection: {} as GuardedRequest["connection"],
  client: "192.0.2.1",
  route: "r",
  header: (name) => (name === "authorization" ? authorization : fields[name]),
  queryValue: (name) => query[name],
  passage: undefined,
});

const judgeWith = (
  changes: Partial<JwtAuth> = {},
  source: KeySource = new FixedKeys(all, loadJose()),
): JwtJudge => new JwtJudge({ ...auth, ...changes }, source, loadJose());

function ask(judge: JwtJudge, asked: Asked): Promise<Verdict> {
  return new Promise((settle) => {
    const first = judge.judge(requestWith(asked), { settle });
    if (first.kind !== "wait") settle(first);
  });
}

const bearer = (token: string): Asked => ({ authorization: `Bearer ${token}` });

const usual: JWTPayload = { iss: "https://issuer.test", aud: "api", sub: "alice" };
const later = (seconds: number): number => Math.floor(Date.now() / 1_000) + seconds;

const tokenOf = (name: Name, claims: JWTPayload = {}, header: object = {}): Promise<string> =>
  new SignJWT({ ...usual, exp: later(60), ...claims })
    .setProtectedHeader({ alg: algorithmOf[name], kid: name, ...header })
    .sign(keys[name].privateKey);

const base64 = (value: object | string | Buffer): string =>
  Buffer.from(typeof value === "string" || Buffer.isBuffer(value) ? value : JSON.stringify(value)).toString(
    "base64url",
  );

/** A token made by hand. */
function forge(header: object, claims: object, sign: (input: string) => Buffer): string {
  const input = `${base64(header)}.${base64({ ...usual, exp: later(60), ...claims })}`;
  return `${input}.${base64(sign(input))}`;
}

async function refused(judge: JwtJudge, asked: Asked): Promise<Refusal> {
  const verdict = await ask(judge, asked);
  assert.ok(verdict.kind === "refuse", "it was let in");
  return verdict;
}

describe("a good token lets in", () => {
  for (const name of ["rsa", "ec", "ed"] as const)
    test(`signed with ${algorithmOf[name]}, under its subject, at once the second time`, async () => {
      const judge = judgeWith();
      const asked = bearer(await tokenOf(name, { email: "alice@issuer.test" }));
      const verdict = (await ask(judge, asked)) as Pass;
      assert.deepEqual(
        [verdict.kind, verdict.user, verdict.claims?.["email"]],
        ["pass", "alice", "alice@issuer.test"],
      );
      assert.equal(judge.judge(requestWith(asked), { settle: () => assert.fail() }).kind, "pass");
    });

  test("from a header field, a cookie or the query; the first place that has one counts", async () => {
    const token = await tokenOf("ec");
    const judge = judgeWith({
      from: [
        { kind: "cookie", name: "token" },
        { kind: "header", name: "x-token" },
        { kind: "query", name: "access_token" },
      ],
    });
    for (const asked of [
      { fields: { cookie: `a=b; token=${token}` } },
      { fields: { "x-token": token } },
      { query: { access_token: token } },
    ])
      assert.equal((await ask(judge, asked)).kind, "pass");
    assert.equal((await ask(judge, { fields: { cookie: "token=bad", "x-token": token } })).kind, "refuse");
    assert.equal((await refused(judge, bearer(token))).detail, "no token");
  });

  test("without the name of its key, where one of several fits", async () => {
    const other = await generateKeyPair("ES256", { extractable: true });
    const set = setOf({ ...(await exportJWK(other.publicKey)), kid: "a" }, await publicKey("ec", "b"));
    const judge = judgeWith({}, new FixedKeys(set, loadJose()));
    assert.equal((await ask(judge, bearer(await tokenOf("ec", {}, { kid: undefined })))).kind, "pass");
    assert.equal((await ask(judge, bearer(await tokenOf("ec", {}, { kid: "a" })))).kind, "refuse");
  });

  test("within the clocks' difference, and no longer than its time", async () => {
    const judge = judgeWith();
    assert.equal((await ask(judge, bearer(await tokenOf("ec", { exp: later(-2) })))).kind, "pass");
    const short = bearer(await tokenOf("ec", { exp: later(-5) + 2 }));
    assert.equal((await ask(judge, short)).kind, "pass");
    const from = Date.now();
    while (Date.now() < from + 2_100 && (await ask(judge, short)).kind === "pass")
      await new Promise((done) => setTimeout(done, 20));
    assert.match((await refused(judge, short)).detail, /expired|"exp" claim/);
  });
});

test("the vectors of RFC 7515, which RFC 7519 has too (3.1, 6.1), are read as they are meant", async () => {
  const claims =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
  const set = setOf(
    {
      kty: "RSA",
      e: "AQAB",
      n: "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
    },
    {
      kty: "EC",
      crv: "P-256",
      x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
      y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    },
  );
  // They expired in 2011.
  const past = { issuer: ["joe"], audience: [], skew: 100 * 365 * 86_400_000, user: "iss" };
  const judge = judgeWith(past, new FixedKeys(set, loadJose()));
  const a2 = `eyJhbGciOiJSUzI1NiJ9.${claims}.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw`;
  const a3 = `eyJhbGciOiJFUzI1NiJ9.${claims}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q`;
  for (const token of [a2, a3]) {
    const verdict = (await ask(judge, bearer(token))) as Pass;
    assert.deepEqual([verdict.kind, verdict.claims?.["http://example.com/is_root"]], ["pass", true]);
  }
  const a1 = `eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.${claims}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk`;
  const a5 = `eyJhbGciOiJub25lIn0.${claims}.`;
  for (const token of [a1, a5, a3.replace(".DtEh", ".DtEi"), a2.replace("cC4h", "cC4i")])
    assert.equal((await refused(judge, bearer(token))).reason, "auth_required");
});

const evil = await generateKeyPair("ES256", { extractable: true });
type CryptoKey = Parameters<typeof KeyObject.from>[0];
const rsaPem = KeyObject.from(keys.rsa.publicKey as CryptoKey)
  .export({ type: "spki", format: "pem" })
  .toString();

describe("is refused", () => {
  const hmac = (secret: string | Buffer) => (input: string) =>
    createHmac("sha256", secret).update(input).digest();

  function signedBy(name: Name, header: object, claims: object = {}): string {
    const key = KeyObject.from(keys[name].privateKey as CryptoKey);
    return forge(header, claims, (input) =>
      signWith(name === "ed" ? null : "sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" }),
    );
  }

  const attacks: Readonly<Record<string, () => Promise<string> | string>> = {
    "no signature (alg none)": () => forge({ alg: "none", kid: "rsa" }, {}, () => Buffer.alloc(0)),
    "alg nOnE": () => forge({ alg: "nOnE", kid: "rsa" }, {}, () => Buffer.alloc(0)),
    "no algorithm": () => signedBy("ec", { kid: "ec" }),
    "HS256 with the public key in PEM as secret": () => forge({ alg: "HS256", kid: "rsa" }, {}, hmac(rsaPem)),
    "HS256 with the modulus as secret": async () =>
      forge({ alg: "HS256", kid: "rsa" }, {}, hmac(Buffer.from((await publicKey("rsa")).n!, "base64url"))),
    "HS256 with an empty secret": () => forge({ alg: "HS256" }, {}, hmac("")),
    "an algorithm that is not configured": () => signedBy("rsa", { alg: "RS512", kid: "rsa" }),
    "the algorithm of another key": () => signedBy("ec", { alg: "RS256", kid: "ec" }),
    "the key of another algorithm": () => signedBy("ec", { alg: "ES256", kid: "rsa" }),
    "a key of its own (jwk)": async () =>
      await new SignJWT({ ...usual, exp: later(60) })
        .setProtectedHeader({ alg: "ES256", jwk: await exportJWK(evil.publicKey) })
        .sign(evil.privateKey),
    "a URL of keys of its own (jku, x5u)": async () =>
      await new SignJWT({ ...usual, exp: later(60) })
        .setProtectedHeader({
          alg: "ES256",
          kid: "ec",
          jku: "http://127.0.0.1:1/",
          x5u: "http://127.0.0.1:1/",
        })
        .sign(evil.privateKey),
    "the name of a file for its key": async () =>
      await new SignJWT({ ...usual, exp: later(60) })
        .setProtectedHeader({ alg: "ES256", kid: "../../../../dev/null" })
        .sign(evil.privateKey),
    "SQL for the name of its key": () => forge({ alg: "HS256", kid: "x' UNION SELECT 'k" }, {}, hmac("k")),
    "the prototype for the name of its key": () => signedBy("ec", { alg: "ES256", kid: "__proto__" }),
    "a signature of another key": async () =>
      (await tokenOf("ec")).replace(/[^.]+$/, base64(Buffer.alloc(64, 1))),
    "a signature of zeros": async () => (await tokenOf("ec")).replace(/[^.]+$/, base64(Buffer.alloc(64))),
    "no signature at all": async () => (await tokenOf("ec")).replace(/[^.]+$/, ""),
    "other claims": async () => {
      const [header, , signature] = (await tokenOf("ec")).split(".");
      return `${header}.${base64({ ...usual, exp: later(60), sub: "root" })}.${signature}`;
    },
    "an extension that nobody knows (crit)": () =>
      signedBy("ec", { alg: "ES256", kid: "ec", crit: ["exp"], exp: 1 }),
    "an empty crit": () => signedBy("ec", { alg: "ES256", kid: "ec", crit: [] }),
    "a payload that is not encoded (b64)": () =>
      signedBy("ec", { alg: "ES256", kid: "ec", b64: false, crit: ["b64"] }),
    "that has expired": () => tokenOf("ec", { exp: later(-60) }),
    "that is not valid yet": () => tokenOf("ec", { nbf: later(60) }),
    "that does not expire": () => signedBy("ec", { alg: "ES256", kid: "ec" }, { exp: undefined }),
    "whose expiry is a text": () => signedBy("ec", { alg: "ES256", kid: "ec" }, { exp: String(later(60)) }),
    "of another issuer": () => tokenOf("ec", { iss: "https://issuer.test.evil" }),
    "for another audience": () => tokenOf("ec", { aud: ["other", "api2"] }),
    "without an audience": () => signedBy("ec", { alg: "ES256", kid: "ec" }, { aud: undefined }),
    "that is encrypted, with five parts": () => "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..a.b.c",
    "that is JSON": () => `{"protected":"${base64({ alg: "ES256" })}","payload":"","signature":""}`,
    "whose payload is a list": () => {
      const input = `${base64({ alg: "none" })}.${base64("[]")}`;
      return `${input}.`;
    },
    "that is no token": () => "abc",
    "that is too long": () => "a".repeat(20_000),
  };
  for (const [what, make] of Object.entries(attacks))
    test(`a token with, or ${what}`, async () => {
      const verdict = await refused(judgeWith(), bearer(await make()));
      assert.equal(verdict.reason, "auth_required");
      assert.equal(verdict.lines, 'www-authenticate: Bearer error="invalid_token"\r\n');
    });

  test("a request without a token, which is asked for one", async () => {
    const { lines } = await refused(judgeWith(), { authorization: "Basic YTpi" });
    assert.equal(lines, "www-authenticate: Bearer\r\n");
  });
});

test("rules about claims hold for texts, lists, words and what lies below dots", async () => {
  const claims = {
    role: "ops",
    groups: ["a", "b"],
    scope: "read write",
    level: 3,
    realm: { roles: ["x"] },
    "https://claims.test/team": "t",
    note: "ops admin",
  };
  const token = bearer(await tokenOf("ec", claims));
  for (const [name, values, holds] of [
    ["role", ["dev", "ops"], true],
    ["groups", ["b"], true],
    ["scope", ["write"], true],
    ["level", ["3"], true],
    ["realm.roles", ["x"], true],
    ["https://claims.test/team", ["t"], true],
    ["role", ["op"], false],
    ["note", ["admin"], false],
    ["groups", ["c"], false],
    ["realm", ["x"], false],
    ["none", ["x"], false],
    ["constructor.name", ["Object"], false],
  ] as const) {
    const verdict = await ask(judgeWith({ claims: [{ name, values }] }), token);
    assert.equal(verdict.kind, holds ? "pass" : "refuse", name);
    if (verdict.kind === "refuse") assert.equal(verdict.reason, "auth_denied");
  }
});

test("what a token says becomes UTF-8 in fields, so that no name passes for another one", async () => {
  const said = async (name: string) => {
    const verdict = await ask(judgeWith(), bearer(await tokenOf("ec", { sub: name, name: [name, "b"] })));
    assert.ok(verdict.kind === "pass");
    return [verdict.user, claimText(verdict.claims!, "name")];
  };
  assert.deepEqual(await said("é"), ["\xc3\xa9", "\xc3\xa9,b"]);
  assert.deepEqual(await said("Ã©"), ["\xc3\x83\xc2\xa9", "\xc3\x83\xc2\xa9,b"]);
});

describe("keys from a URL", () => {
  let served: { status: number; body: string } = { status: 200, body: "" };
  let asked = 0;
  const server = createServer((_request, response) => {
    asked++;
    response.writeHead(served.status).end(served.body);
  });
  after(() => void server.close());
  const errors: string[] = [];
  const news = { fetched: () => {}, failed: ({ message }: Error) => void errors.push(message) };
  const serve = (status: number, body: object | string): void => {
    served = { status, body: typeof body === "string" ? body : JSON.stringify(body) };
    asked = 0;
    errors.length = 0;
  };
  const source = (told: KeyNews = news): FetchedKeys => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
    return new FetchedKeys({ url, refresh: 60_000 }, loadJose(), told);
  };

  test("are fetched once, again for a name that is not there, and then not for the next one", async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    serve(200, { keys: [await publicKey("rsa")] });
    const fetched = source();
    const judge = judgeWith({}, fetched);
    assert.equal((await ask(judge, bearer(await tokenOf("rsa")))).kind, "pass");
    assert.equal(asked, 1);
    // Within the time between two fetches nothing is fetched, however many names tokens make up.
    serve(200, { keys: [await publicKey("rsa"), await publicKey("ec")] });
    for (let count = 0; count < 5; count++)
      assert.equal(
        (await ask(judge, bearer(await tokenOf("ec", {}, { kid: `made-up-${count}` })))).kind,
        "refuse",
      );
    assert.equal(asked, 0);
  });

  test("come with the first request that names a new one, which waits for them", async (context) => {
    serve(200, { keys: [await publicKey("rsa")] });
    const fetched = source();
    const judge = judgeWith({}, fetched);
    assert.equal((await ask(judge, bearer(await tokenOf("rsa")))).kind, "pass");
    serve(200, { keys: [await publicKey("rsa"), await publicKey("ec")] });
    const now = performance.now.bind(performance);
    context.mock.method(performance, "now", () => now() + 11_000);
    const tokens = await Promise.all([1, 2, 3].map((count) => tokenOf("ec", { jti: String(count) })));
    const verdicts = await Promise.all(tokens.map((token) => ask(judge, bearer(token))));
    assert.deepEqual(
      verdicts.map(({ kind }) => kind),
      ["pass", "pass", "pass"],
    );
    assert.equal(asked, 1);
  });

  test("come also for a token without the name of its key, and each of them is tried", async (context) => {
    serve(200, { keys: [await publicKey("rsa")] });
    const judge = judgeWith({}, source());
    assert.equal((await ask(judge, bearer(await tokenOf("rsa")))).kind, "pass");
    const other = await generateKeyPair("ES256", { extractable: true });
    serve(200, { keys: [{ ...(await exportJWK(other.publicKey)), kid: "a" }, await publicKey("ec", "b")] });
    const now = performance.now.bind(performance);
    context.mock.method(performance, "now", () => now() + 11_000);
    assert.equal((await ask(judge, bearer(await tokenOf("ec", {}, { kid: undefined })))).kind, "pass");
    assert.equal(asked, 1);
  });

  test("that are not there any more let nobody in, however well a token was known", async (context) => {
    let fetched = Promise.withResolvers<void>();
    const again = (): Promise<void> => {
      fetched = Promise.withResolvers();
      return fetched.promise;
    };
    serve(200, { keys: [await publicKey("rsa"), await publicKey("ec")] });
    const judge = judgeWith({}, source({ ...news, fetched: () => fetched.resolve() }));
    const [stolen, good] = [bearer(await tokenOf("rsa")), bearer(await tokenOf("ec"))];
    for (const token of [stolen, good]) assert.equal((await ask(judge, token)).kind, "pass");
    let later = 0;
    const now = performance.now.bind(performance);
    context.mock.method(performance, "now", () => now() + later);
    const knows = (token: Asked): boolean =>
      judge.judge(requestWith(token), { settle: () => {} }).kind === "pass";
    later += 100_000;
    const same = again();
    assert.ok(knows(good));
    await same;
    assert.ok(knows(good), "the same keys again");
    serve(200, { keys: [await publicKey("ec")] });
    later += 100_000;
    const fewer = again();
    assert.ok(knows(stolen), "the old keys count while others are fetched");
    await fewer;
    assert.equal((await ask(judge, stolen)).kind, "refuse");
    assert.equal((await ask(judge, good)).kind, "pass");
    assert.equal(asked, 1);
  });

  for (const [what, status, body, expected] of [
    ["that answers with an error", 500, "", /status 500/],
    ["that is no set of keys", 200, "<html>", /not JSON/],
    ["with secret keys", 200, { keys: [{ kty: "oct", k: "AAAA" }] }, /a secret key/],
    ["that redirects", 302, "", /status 302/],
    ["without an end", 200, "x".repeat(300_000), /more than 262144 bytes/],
  ] as const)
    test(`${what} let nobody in, and nobody is told that a token is bad`, async () => {
      serve(status, body);
      const verdict = await refused(judgeWith({}, source()), bearer(await tokenOf("rsa")));
      assert.equal(verdict.reason, "auth_unavailable");
      assert.match(errors[0]!, expected);
    });

  test("count on when they can't be fetched again", async (context) => {
    serve(200, { keys: [await publicKey("rsa")] });
    const judge = judgeWith({}, source());
    assert.equal((await ask(judge, bearer(await tokenOf("rsa")))).kind, "pass");
    serve(503, "");
    const now = performance.now.bind(performance);
    context.mock.method(performance, "now", () => now() + 100_000);
    const fetchedAgain = once(server, "request");
    assert.equal((await ask(judge, bearer(await tokenOf("rsa", { jti: "2" })))).kind, "pass");
    await fetchedAgain;
    assert.equal((await ask(judge, bearer(await tokenOf("rsa", { jti: "3" })))).kind, "pass");
  });
});

test("private and short keys, and what is none, are told", async () => {
  const short = { kty: "RSA", e: "AQAB", n: Buffer.alloc(128, 0xff).toString("base64url") };
  for (const [key, expected] of [
    [await exportJWK(keys.ec.privateKey), /a private key; leave only the public part/],
    [short, /a key of 1024 bits; RSA needs 2048/],
    [{ kty: "EC", crv: "P-256", x: "AAAA", y: "AAAA" }, /a key that can't be read/],
    ["key", /something that is no key/],
  ] as const)
    assert.match(String(readKeySet(JSON.stringify({ keys: [key] }))), expected);
});
