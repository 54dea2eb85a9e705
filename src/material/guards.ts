import { isDeepStrictEqual } from "node:util";
import type { KeySet } from "../lib/key-set.ts";
import type { Guard, JwtAuth } from "../model/http/guard.ts";
import type { Users } from "../model/http/users.ts";
import type { FileSource } from "../model/material.ts";
import { loadKeySet } from "./key-set.ts";
import type { Part, RenewPart } from "./parts.ts";
import type { Loaded } from "./pem.ts";
import { loadUsers } from "./users.ts";

export function guardFiles(guard: Guard): string[] {
  if (guard.kind === "basic") return isGiven(guard.users.source) ? [] : [guard.users.source.file];
  if (guard.kind !== "jwt" || guard.keys.kind !== "set" || isGiven(guard.keys.source)) return [];
  return [guard.keys.source.file];
}

/** Whether its provider has it itself: no file is read again. */
const isGiven = ({ given }: FileSource): boolean => given !== undefined;

/** @returns the same object where nothing changed. */
export async function renewGuard(guard: Guard, renew: RenewPart): Promise<Guard> {
  switch (guard.kind) {
    case "basic": {
      if (isGiven(guard.users.source)) return guard;
      const users = await renew(usersPart(guard.users));
      return users === guard.users ? guard : { ...guard, users };
    }
    case "jwt":
      return guard.keys.kind === "set" && !isGiven(guard.keys.source)
        ? await renewKeys(guard, guard.keys, renew)
        : guard;
    default:
      return guard;
  }
}

type FileKeys = Extract<JwtAuth["keys"], { kind: "set" }>;

async function renewKeys(guard: JwtAuth, keys: FileKeys, renew: RenewPart): Promise<JwtAuth> {
  const set = await renew(keysPart(keys));
  return set === keys.set ? guard : { ...guard, keys: { ...keys, set } };
}

function usersPart(old: Users): Part<Users> {
  const { file } = old.source;
  return {
    ...filePart("users", file, old, () => loadUsers(old.source)),
    tell: ({ hashes }) => [{ users_file: file, users: hashes.size }, "users were renewed"],
  };
}

function keysPart({ source, set }: FileKeys): Part<KeySet> {
  const { file } = source;
  return {
    ...filePart("key set", file, set, () => loadKeySet(source)),
    tell: ({ keys }) => [{ keys_file: file, keys: keys.length }, "keys of tokens were renewed"],
  };
}

function filePart<T>(
  kind: Part<T>["kind"],
  file: string,
  old: T,
  load: () => Promise<Loaded<T>>,
): Omit<Part<T>, "tell"> {
  return {
    kind,
    files: [file],
    old,
    renew: async () => {
      const loaded = await load();
      if ("problem" in loaded) return { problem: `${file} ${loaded.problem}` };
      return { value: isDeepStrictEqual(loaded.value, old) ? old : loaded.value, warnings: [] };
    },
  };
}
