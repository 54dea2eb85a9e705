import { isDeepStrictEqual } from "node:util";
import type { Guard } from "../model/http/guard.ts";
import type { Users } from "../model/http/users.ts";
import type { Part, RenewPart } from "./parts.ts";
import { loadUsers } from "./users.ts";

export function guardFiles(guard: Guard): string[] {
  return guard.kind === "basic" ? [guard.users.source.file] : [];
}

/** @returns the same object where nothing changed. */
export async function renewGuard(guard: Guard, renew: RenewPart): Promise<Guard> {
  if (guard.kind !== "basic") return guard;
  const users = await renew(usersPart(guard.users));
  return users === guard.users ? guard : { ...guard, users };
}

function usersPart(old: Users): Part<Users> {
  const { file } = old.source;
  return {
    kind: "users",
    files: [file],
    old,
    renew: async () => {
      const users = await loadUsers(old.source);
      if ("problem" in users) return { problem: `${file} ${users.problem}` };
      return { value: isDeepStrictEqual(users.value, old) ? old : users.value, warnings: [] };
    },
    tell: ({ hashes }) => [{ users_file: file, users: hashes.size }, "users were renewed"],
  };
}
