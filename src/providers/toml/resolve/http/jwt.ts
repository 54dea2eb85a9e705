import { resolve } from "node:path";
import { errorAt, warningAt } from "../../../../lib/findings.ts";
import { loadKeySet } from "../../../../material/key-set.ts";
import type { JwtAuth, TokenPlace } from "../../../../model/http/guard.ts";
import type { AuthSettings } from "../../schema/http/auth.ts";
import type { Resolving } from "./context.ts";

type JwtSettings = Extract<AuthSettings, { type: "jwt" }>;

const usualRefresh = 600_000;

/** @param own its name in the table `auth`. @returns undefined after an error. */
export async function resolveJwt(
  own: string,
  settings: JwtSettings,
  resolving: Resolving,
): Promise<JwtAuth | undefined> {
  const { algorithms, issuer = [], audience = [], skew, claims, user } = settings;
  const keys = await resolveKeys(own, settings, resolving);
  if (audience.length === 0)
    resolving.report(
      warningAt(
        ["auth", own],
        "has no audience: a token that the issuer made for any other service lets in here, too; add audience",
      ),
    );
  const rules = Object.entries(claims).map(([name, values]) => ({
    name,
    values: typeof values === "string" ? [values] : values,
  }));
  return (
    keys && {
      kind: "jwt",
      name: `auth.${own}`,
      keys,
      algorithms,
      issuer,
      audience,
      skew,
      from: settings.from.map(placeOf),
      claims: rules,
      user,
    }
  );
}

async function resolveKeys(
  own: string,
  { keys_file: named, keys_url: url, refresh }: JwtSettings,
  { directory, report }: Resolving,
): Promise<JwtAuth["keys"] | undefined> {
  const path = ["auth", own];
  if (refresh !== undefined && url === undefined) report(errorAt([...path, "refresh"], "needs keys_url"));
  if (named !== undefined && url !== undefined)
    report(errorAt([...path, "keys_url"], "stands beside keys_file; an auth has one of them"));
  if (named === undefined && url === undefined)
    report(errorAt(path, "has no keys to check tokens with; add keys_file or keys_url"));
  if (url?.startsWith("http:"))
    report(
      warningAt(
        [...path, "keys_url"],
        "is not https: whoever is on the way can put keys of their own in place of the issuer's",
      ),
    );
  if (url !== undefined) return { kind: "url", url, refresh: refresh ?? usualRefresh };
  if (named === undefined) return undefined;
  const source = { kind: "file", file: resolve(directory, named) } as const;
  const set = await loadKeySet(source);
  if ("value" in set) return { kind: "set", source, set: set.value };
  report(errorAt([...path, "keys_file"], `${source.file} ${set.problem}`));
  return undefined;
}

function placeOf(text: string): TokenPlace {
  const [kind, name = ""] = text.split(":");
  if (kind === "bearer") return { kind };
  return kind === "header" ? { kind, name: name.toLowerCase() } : { kind: kind as "cookie" | "query", name };
}
