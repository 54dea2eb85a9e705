import { errorAt, type Path } from "../../../../lib/findings.ts";
import { didYouMean, listChoices } from "../../../../lib/suggest.ts";
import type { Guard, GuardGroups } from "../../../../model/http/guard.ts";
import type { AuthSettings } from "../../schema/http/auth.ts";
import type { RouteSettings } from "../../schema/http/route.ts";
import type { Settings } from "../../schema.ts";
import type { Resolving } from "./context.ts";

/** The guards of a configuration, by name. */
export async function resolveGuards(
  { auth }: Pick<Settings, "auth">,
  _resolving: Resolving,
): Promise<ReadonlyMap<string, Guard>> {
  const guards = Object.entries(auth).map(([name, settings]) => resolveAuth(`auth.${name}`, settings));
  return new Map(guards.map((guard) => [guard.name, guard]));
}

function resolveAuth(name: string, { allow }: AuthSettings): Guard {
  return { kind: "mtls", name, allow };
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
