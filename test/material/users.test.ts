import assert from "node:assert/strict";
import { test } from "node:test";
import { parseUsers } from "../../src/material/users.ts";

const bcrypt = `$2y$05$${"a".repeat(53)}`;
const argon = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

function problemOf(text: string): string {
  const users = parseUsers(text);
  assert.ok("problem" in users, "it was taken");
  return users.problem;
}

test("bcrypt and Argon2id are taken, comments and empty lines are passed over", () => {
  const users = parseUsers(`# staff\r\nalice:${bcrypt}\r\n\n  bob:${argon}\n`);
  assert.ok("value" in users);
  assert.deepEqual(
    [...users.value].map(([name, { kind }]) => [name, kind]),
    [
      ["alice", "bcrypt"],
      ["bob", "argon2id"],
    ],
  );
});

for (const [what, text, expected] of [
  [
    "an MD5 hash",
    "a:$apr1$x$y",
    /^has for user "a", in line 1, an MD5 hash, and only bcrypt.*htpasswd -nB USER$/,
  ],
  ["SHA-1", "a:{SHA}xyz=", /SHA-1 without salt/],
  ["a password as it is", "a:secret-itself", /no hash that is known, or a password as it is/],
  [
    "another Argon2",
    "a:$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAA",
    /another variant of Argon2/,
  ],
  ["an expensive Argon2id", `a:${argon.replace("m=64", "m=999999")}`, /costs too much; at most m=131072/],
  ["impossible parameters", `a:${argon.replace("m=64", "m=1")}`, /RFC 9106 does not allow/],
  ["an expensive bcrypt", `a:${bcrypt.replace("$05$", "$20$")}`, /bcrypt with cost 20; from 4 to 14/],
  ["a bcrypt that is cut short", "a:$2y$10$abc", /cut short/],
  ["a line without a colon", `a:${bcrypt}\nbob`, /no "user:hash" in line 2/],
  ["a user twice", `a:${bcrypt}\na:${argon}`, /names user "a" again in line 2/],
  ["nobody", "# nobody\n", /^names no user/],
] as const)
  test(`${what} is told, without the text itself`, () => {
    const problem = problemOf(text);
    assert.match(problem, expected);
    assert.doesNotMatch(problem, /secret-itself|aaaaaaaaaa|c29tZXNhbHQ/);
  });
