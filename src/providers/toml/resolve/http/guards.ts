import { resolve } from "node:path";
import { errorAt, type Path } from "../../../../lib/findings.ts";
import { didYouMean, listChoices } from "../../../../lib/suggest.ts";
import { loadUsers } from "../../../../material/users.ts";
import type { Guard, GuardGroups } from "../../../../model/http/guard.ts";
import type { AuthSettings } from "../../schema/http/auth.ts";
import type { RouteSettings } from "../../schema/http/route.ts";
import type { Settings } from "../../schema.ts";
import type { Resolving } from "./context.ts";
import { resolveJwt } from "./jwt.ts";
import { resolveRateLimit } from "./rate-limit.ts";

/** The guards of a configuration, by name. */
export async function resolveGuards(
  { auth, rate_limits: limits }: Pick<Settings, "auth" | "rate_limits">,
  resolving: Resolving,
): Promise<ReadonlyMap<string, Guard>> {
  const guards = new Map<string, Guard>();
  for (const [name, settings] of Object.entries(auth)) {
    const guard = await resolveAuth(name, settings, resolving);
    if (guard !== undefined) guards.set(guard.name, guard);
  }
  for (const [name, settings] of Object.entries(limits)) {
    const limit = await resolveRateLimit(name, settings, resolving);
    guards.set(limit.name, limit);
  }
  return guards;
}

/** @returns undefined after an error. */
async function resolveAuth(
  own: string,
  settings: AuthSettings,
  { directory, report }: Resolving,
): Promise<Guard | undefined> {
  const name = `auth.${own}`;
  switch (settings.type) {
    case "basic": {
      const file = resolve(directory, settings.users_file);
      const users = await loadUsers({ kind: "file", file });
      if ("value" in users) return { kind: "basic", name, realm: settings.realm ?? own, users: users.value };
      report(errorAt(["auth", own, "users_file"], `${file} ${users.problem}`));
      return undefined;
    }
    case "forward": {
      const { pool, path, copy, copy_response: copyResponse, timeout, on_failure: onFailure } = settings;
      return { kind: "forward", name, pool, path, copy, copyResponse, timeout, onFailure };
    }
    case "jwt":
      return await resolveJwt(own, settings, { directory, report });
    case "mtls":
      return { kind: "mtls", name, allow: settings.allow };
  }
}

/**
 * The guards that a route names: one of its auths has to let a request in, and each of its limits. Limits that need not
 * know who the client is come first: so they also limit how often somebody may try a password.
 */
export function guardsOf(
  { auth, rate_limit: limits }: RouteSettings,
  knowing: ReadonlySet<string>,
): GuardGroups {
  const groups = limits.map((name) => [`rate_limits.${name}`]);
  const isLate = ([name]: string[]): boolean => knowing.has(name!);
  return [
    ...groups.filter((group) => !isLate(group)),
    ...(auth.length === 0 ? [] : [auth.map((name) => `auth.${name}`)]),
    ...groups.filter(isLate),
  ];
}

/** Names that a route has and nobody else. @param path of the route. */
export function checkGuardNames(
  { auth, rate_limit: limits }: RouteSettings,
  path: Path,
  settings: Pick<Settings, "auth" | "rate_limits">,
  { report }: Resolving,
): void {
  const check = (
    key: string,
    names: readonly string[],
    table: string,
    known: readonly string[],
    word: string,
  ): void => {
    for (const [index, name] of names.entries()) {
      if (known.includes(name)) continue;
      const there = known.length === 0 ? "there is none" : `there is ${listChoices(known)}`;
      const message = `no ${word} is named ${JSON.stringify(name)}; add a table [${table}.${name}], ${there}`;
      report(errorAt([...path, key, index], message, didYouMean(name, known)));
    }
  };
  check("auth", auth, "auth", Object.keys(settings.auth), "auth");
  check("rate_limit", limits, "rate_limits", Object.keys(settings.rate_limits), "rate limit");
}
