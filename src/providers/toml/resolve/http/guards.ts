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

/** The guards of a configuration, by name. */
export async function resolveGuards(
  { auth }: Pick<Settings, "auth">,
  resolving: Resolving,
): Promise<ReadonlyMap<string, Guard>> {
  const guards = new Map<string, Guard>();
  for (const [name, settings] of Object.entries(auth)) {
    const guard = await resolveAuth(name, settings, resolving);
    if (guard !== undefined) guards.set(guard.name, guard);
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

/** The guards that a route names: one of its auths has to let a request in. */
export function guardsOf({ auth }: RouteSettings): GuardGroups {
  return auth.length === 0 ? [] : [auth.map((name) => `auth.${name}`)];
}

/** Names that a route has and nobody else. @param path of the route. */
export function checkGuardNames(
  { auth }: RouteSettings,
  path: Path,
  settings: Pick<Settings, "auth">,
  { report }: Resolving,
): void {
  const known = Object.keys(settings.auth);
  for (const [index, name] of auth.entries()) {
    if (known.includes(name)) continue;
    const there = known.length === 0 ? "there is none" : `there is ${listChoices(known)}`;
    const message = `no auth is named ${JSON.stringify(name)}; add a table [auth.${name}], ${there}`;
    report(errorAt([...path, "auth", index], message, didYouMean(name, known)));
  }
}
