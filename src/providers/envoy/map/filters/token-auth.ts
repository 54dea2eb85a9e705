import { errorAt } from "../../../../lib/findings.ts";
import { readKeySet } from "../../../../lib/key-set.ts";
import type { Condition } from "../../../../model/http/condition.ts";
import { type JwtAuth, jwtAlgorithms, type TokenPlace } from "../../../../model/http/guard.ts";
import type { Node } from "../../node.ts";
import type { Mapping } from "../context.ts";
import { sourceOf, textOf } from "../material.ts";

/** In milliseconds, of Envoy. */
const usual = { refresh: 300_000, skew: 60_000 } as const;

/** A `JwtProvider`. @param audiences in place of its own. @returns undefined after an error. */
export async function tokenAuth(
  provider: Node,
  name: string,
  audiences: readonly string[] | undefined,
  mapping: Mapping,
): Promise<JwtAuth | undefined> {
  const keys = await keysOf(provider, mapping);
  const issuer = provider.text("issuer");
  const skew = provider.number("clock_skew_seconds");
  return (
    keys && {
      kind: "jwt",
      name,
      keys,
      algorithms: jwtAlgorithms,
      issuer: issuer === "" ? [] : [issuer],
      audience: audiences ?? provider.texts("audiences"),
      skew: skew === undefined ? usual.skew : skew * 1_000,
      from: placesOf(provider),
      claims: [],
      user: "sub",
    }
  );
}

async function keysOf(provider: Node, mapping: Mapping): Promise<JwtAuth["keys"] | undefined> {
  const remote = provider.node("remote_jwks");
  const uri = remote?.node("http_uri");
  if (remote !== undefined) {
    const url = URL.parse(uri?.text("uri") ?? "");
    if (url !== null && /^https?:$/.test(url.protocol))
      return { kind: "url", url: url.href, refresh: remote.number("cache_duration") || usual.refresh };
    mapping.report(errorAt(uri?.at("uri") ?? remote.path, "expected the URL of the keys"));
    return undefined;
  }
  const local = provider.node("local_jwks");
  const text = local && (await textOf(local, "the keys", mapping));
  const source = local && sourceOf(local, "the keys", provider, mapping);
  if (text === undefined || source === undefined) {
    if (local === undefined)
      mapping.report(errorAt(provider.path, "has no keys; expected remote_jwks or local_jwks"));
    return undefined;
  }
  const set = readKeySet(text);
  if (typeof set !== "string") return { kind: "set", source, set };
  mapping.report(errorAt(local!.path, set));
  return undefined;
}

/** Where Envoy looks, where nothing is said. */
const usualPlaces: readonly TokenPlace[] = [{ kind: "bearer" }, { kind: "query", name: "access_token" }];

function placesOf(provider: Node): readonly TokenPlace[] {
  const places: TokenPlace[] = [
    ...provider.nodes("from_headers").map((header): TokenPlace => {
      const name = header.text("name").toLowerCase();
      const prefix = header.text("value_prefix");
      return name === "authorization" && prefix.trim().toLowerCase() === "bearer"
        ? { kind: "bearer" }
        : { kind: "header", name, ...(prefix !== "" && { prefix }) };
    }),
    ...provider.texts("from_params").map((name): TokenPlace => ({ kind: "query", name })),
    ...provider.texts("from_cookies").map((name): TokenPlace => ({ kind: "cookie", name })),
  ];
  return places.length === 0 ? usualPlaces : places;
}

/** Some provider's token is there. */
export function tokenPlaces(config: Node): Condition {
  const places = [...config.map("providers").values()].flatMap((provider) =>
    "type" in provider ? placesOf(provider) : [],
  );
  const of = places.map((place): Condition => {
    const name = place.kind === "bearer" ? "authorization" : place.kind === "cookie" ? "cookie" : place.name;
    return place.kind === "query"
      ? { kind: "query", match: { name, test: { kind: "present" }, not: false } }
      : { kind: "header", match: { name, test: { kind: "present" }, not: false } };
  });
  return { kind: "some", of };
}
