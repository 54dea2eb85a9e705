import assert from "node:assert/strict";
import { argon2Sync } from "node:crypto";
import { test } from "node:test";
import { hashSync } from "bcryptjs";
import { BasicJudge } from "../../../src/data/guard/password/basic.ts";
import { PasswordComparer } from "../../../src/data/guard/password/compare.ts";
import type { GuardedRequest, Verdict } from "../../../src/data/guard/step.ts";
import type { PasswordHash } from "../../../src/model/http/users.ts";

/** Compares when it is told to. */
class FakeComparer extends PasswordComparer {
  readonly asked: { password: string; hash: PasswordHash; done: (fits: boolean | undefined) => void }[] = [];
  full = false;

  override compare(password: string, hash: PasswordHash, done: (fits: boolean | undefined) => void): boolean {
    if (!this.full) this.asked.push({ password, hash, done });
    return !this.full;
  }
}

const hashOf = (text: string): PasswordHash => ({ kind: "bcrypt", text });
const users = {
  source: { kind: "file", file: "/users" },
  hashes: new Map([
    ["alice", hashOf("of alice")],
    ["bob", hashOf("of bob")],
    ["é", hashOf("")],
    ["Ã©", hashOf("")],
    ["č", hashOf("")],
  ]),
} as const;

function scene(): { judge: BasicJudge; comparer: FakeComparer } {
  const comparer = new FakeComparer();
  return {
    judge: new BasicJudge({ kind: "basic", name: "auth.a", realm: "staff", users }, comparer),
    comparer,
  };
}

const requestWith = (authorization: string | undefined): GuardedRequest => ({
  connection: {} as GuardedRequest["connection"],
  client: "192.0.2.1",
  route: "r",
  header: (name) => (name === "authorization" ? authorization : undefined),
  queryValue: () => undefined,
  passage: undefined,
});

const basic = (credentials: string): GuardedRequest =>
  requestWith(`Basic ${Buffer.from(credentials).toString("base64")}`);

/** The verdicts that a request gets, now and later. */
function ask(judge: BasicJudge, request: GuardedRequest) {
  const settled: Verdict[] = [];
  const first = judge.judge(request, { settle: (verdict) => settled.push(verdict) });
  return { first, settled };
}

test("without credentials, and with some that can't be read, the client is asked for them at once", () => {
  const { judge, comparer } = scene();
  for (const field of [
    undefined,
    "Bearer abc",
    "Basic",
    "Basic ä",
    "Basic YWJj",
    `Basic ${"A".repeat(5_000)}`,
  ]) {
    const { first } = ask(judge, requestWith(field));
    assert.ok(first.kind === "refuse" && first.reason === "auth_required", field);
    assert.equal(first.lines, 'www-authenticate: Basic realm="staff", charset="UTF-8"\r\n');
  }
  assert.equal(comparer.asked.length, 0);
});

test("a password is compared once, and then known, whether it fits or not", () => {
  const { judge, comparer } = scene();
  for (const [credentials, fits, kind] of [
    ["alice:right: with a colon", true, "pass"],
    ["bob:wrong", false, "refuse"],
  ] as const) {
    const { first, settled } = ask(judge, basic(credentials));
    assert.equal(first.kind, "wait");
    comparer.asked.at(-1)!.done(fits);
    assert.equal(settled[0]?.kind, kind);
    const asked = comparer.asked.length;
    assert.equal(ask(judge, basic(credentials)).first.kind, kind);
    assert.equal(comparer.asked.length, asked);
  }
  assert.equal(comparer.asked[0]!.password, "right: with a colon");
});

test("a realm with letters whose code ends like that of a line break stays on its line", () => {
  const judge = new BasicJudge({ kind: "basic", name: "auth.a", realm: "čĊ", users }, new FakeComparer());
  const { first } = ask(judge, requestWith(undefined));
  assert.ok(first.kind === "refuse");
  assert.equal(first.lines, 'www-authenticate: Basic realm="\xc4\x8d\xc4\x8a", charset="UTF-8"\r\n');
});

test("users whose names differ differ for backends that read UTF-8, too", () => {
  const { judge, comparer } = scene();
  const nameOf = (user: string): string => {
    const { settled } = ask(judge, basic(`${user}:x`));
    comparer.asked.at(-1)!.done(true);
    const [verdict] = settled;
    assert.ok(verdict?.kind === "pass");
    return verdict.user!;
  };
  assert.deepEqual(["é", "Ã©", "č"].map(nameOf), ["\xc3\xa9", "\xc3\x83\xc2\xa9", "\xc4\x8d"]);
});

test("a user that there is not costs a comparison, too, and never gets in", () => {
  const { judge, comparer } = scene();
  const { settled } = ask(judge, basic("mallory:x"));
  assert.equal(comparer.asked.length, 1);
  comparer.asked[0]!.done(true);
  assert.equal(settled[0]?.kind, "refuse");
});

test("requests with the same password wait for one comparison; one that is withdrawn is told nothing", () => {
  const { judge, comparer } = scene();
  const all = [1, 2, 3].map(() => ask(judge, basic("alice:x")));
  assert.equal(comparer.asked.length, 1);
  const [, second] = all;
  assert.ok(second!.first.kind === "wait");
  second!.first.withdraw();
  comparer.asked[0]!.done(true);
  assert.deepEqual(
    all.map(({ settled }) => settled.length),
    [1, 0, 1],
  );
});

test("where it can't be found out, in time or at all, it is said so and not remembered", () => {
  const { judge, comparer } = scene();
  const broken = ask(judge, basic("alice:1"));
  comparer.asked[0]!.done(undefined);
  const late = ask(judge, basic("alice:2"));
  assert.ok(late.first.kind === "wait");
  late.first.endIfOverdue(performance.now() + 9_000);
  assert.equal(late.settled.length, 0);
  late.first.endIfOverdue(performance.now() + 11_000);
  comparer.full = true;
  const { first } = ask(judge, basic("alice:3"));
  for (const verdict of [broken.settled[0], late.settled[0], first])
    assert.ok(verdict?.kind === "refuse" && verdict.reason === "auth_unavailable");
  comparer.full = false;
  assert.equal(ask(judge, basic("alice:1")).first.kind, "wait");
});

test("bcrypt and Argon2id are compared, and what is too much is not taken", async () => {
  const comparer = new PasswordComparer();
  const salt = Buffer.from("somesaltsomesalt");
  const cost = { memory: 64, passes: 1, parallelism: 1 };
  const key = argon2Sync("argon2id", { ...cost, message: "pässword", nonce: salt, tagLength: 32 });
  const plain = (bytes: Buffer): string => bytes.toString("base64").replaceAll("=", "");
  const hashes: readonly PasswordHash[] = [
    { kind: "bcrypt", text: hashSync("pässword", 4).replace("$2b$", "$2y$") },
    { kind: "argon2id", text: `$argon2id$v=19$m=64,t=1,p=1$${plain(salt)}$${plain(key)}` },
  ];
  const compare = (password: string, hash: PasswordHash): Promise<boolean | undefined> =>
    new Promise((done) => void comparer.compare(password, hash, done));
  for (const hash of hashes) {
    assert.equal(await compare("pässword", hash), true, hash.kind);
    assert.equal(await compare("password", hash), false, hash.kind);
  }
  const last = Promise.withResolvers<void>();
  let taken = 0;
  for (let count = 0; count < 300; count++)
    if (comparer.compare("x", hashes[1]!, () => --taken === 0 && last.resolve())) taken++;
  assert.ok(taken >= 200 && taken < 210, `${taken} are taken`);
  await last.promise;
});
