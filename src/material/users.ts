import { parseArgon2id } from "../lib/argon2.ts";
import { describeReadError, mebibyte, readWhole } from "../lib/read-file.ts";
import type { PasswordHash, Users } from "../model/http/users.ts";
import type { FileSource } from "../model/material.ts";
import type { Loaded } from "./pem.ts";

/** In bytes: some 50,000 users. */
const largestFile = 4 * mebibyte;

/** More would take seconds of a processor for each password: with 14 it is about one. */
const mostRounds = 14;

/** Reads a file of users as `htpasswd -B` makes it: `user:hash`, one a line. */
export async function loadUsers(source: FileSource): Promise<Loaded<Users>> {
  try {
    const text = (await readWhole(source.file, largestFile)).toString("utf8");
    const hashes = parseUsers(text);
    return "problem" in hashes ? hashes : { value: { source, hashes: hashes.value } };
  } catch (error) {
    return { problem: describeReadError(error) };
  }
}

/** Hashes are never part of a problem. */
export function parseUsers(text: string): Loaded<ReadonlyMap<string, PasswordHash>> {
  const hashes = new Map<string, PasswordHash>();
  for (const [index, line] of text.split("\n").entries()) {
    const entry = line.trim();
    if (entry === "" || entry.startsWith("#")) continue;
    const colon = entry.indexOf(":");
    const at = `line ${index + 1}`;
    if (colon < 1) return { problem: `has no "user:hash" in ${at}; make lines with: htpasswd -nB USER` };
    const user = entry.slice(0, colon);
    if (hashes.has(user)) return { problem: `names user ${JSON.stringify(user)} again in ${at}; remove one` };
    const hash = readHash(entry.slice(colon + 1));
    if ("problem" in hash)
      return { problem: `has for user ${JSON.stringify(user)}, in ${at}, ${hash.problem}` };
    hashes.set(user, hash.value);
  }
  return hashes.size === 0
    ? { problem: "names no user; make lines with: htpasswd -nB USER" }
    : { value: hashes };
}

/** A problem is what the file has in place of a hash. */
function readHash(text: string): Loaded<PasswordHash> {
  const [, rounds] = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/.exec(text) ?? [];
  if (rounds !== undefined) {
    if (Number(rounds) >= 4 && Number(rounds) <= mostRounds) return { value: { kind: "bcrypt", text } };
    return { problem: `bcrypt with cost ${Number(rounds)}; from 4 to ${mostRounds} is taken` };
  }
  if (text.startsWith("$argon2id$")) {
    const parsed = parseArgon2id(text);
    return typeof parsed === "string" ? { problem: parsed } : { value: { kind: "argon2id", text } };
  }
  return {
    problem: `${otherKind(text)}, and only bcrypt ($2y$) and $argon2id$ are taken; make it anew with: htpasswd -nB USER`,
  };
}

const otherKinds = [
  ["$apr1$", "an MD5 hash"],
  ["$1$", "an MD5 hash"],
  ["{SHA}", "a hash of SHA-1 without salt"],
  ["$5$", "a hash of crypt's SHA-256"],
  ["$6$", "a hash of crypt's SHA-512"],
  ["$argon2", "another variant of Argon2"],
  ["$2", "a bcrypt hash that is cut short"],
] as const;

const otherKind = (text: string): string =>
  otherKinds.find(([prefix]) => text.startsWith(prefix))?.[1] ??
  "no hash that is known, or a password as it is";
