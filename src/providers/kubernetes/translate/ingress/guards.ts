import { parseUsers } from "../../../../material/users.ts";
import type { Guard, RateLimit } from "../../../../model/http/guard.ts";
import type { Ingress, Secret } from "../../core.ts";
import type { Secrets } from "../secrets.ts";
import type { Draft } from "./draft.ts";
import type { IngressPools } from "./pools.ts";

/** How long an auth server may take, in milliseconds. */
const authTimeout = 5_000;
/** How many clients a rate limit remembers. */
const keys = 65_536;

/** The guards that requests of an Ingress have to pass, in the order in which they are asked. */
export function guardsOf(
  ingress: Ingress,
  draft: Draft,
  secrets: Secrets,
  pools: IngressPools,
): readonly (Guard | { readonly problem: string })[] {
  const { namespace, name } = ingress.metadata;
  const own = `${namespace}/${name}`;
  return [...rateLimits(own, draft), ...auths(own, namespace ?? "", draft, secrets, pools)];
}

function rateLimits(own: string, { rate }: Draft): readonly RateLimit[] {
  const limit = (what: string, change: Partial<RateLimit>): RateLimit => ({
    kind: "rate-limit",
    name: `rate_limits.${own} ${what}`,
    key: [[{ kind: "client-ip", v4: 32, v6: 64 }]],
    rate: undefined,
    burst: 1,
    concurrent: undefined,
    keys,
    fields: "refused",
    ...change,
  });
  const of = (what: string, requests: number | undefined, period: number): readonly RateLimit[] =>
    requests === undefined ? [] : [limit(what, { rate: { requests, period }, burst: requests * rate.burst })];
  return [
    ...of("a second", rate.perSecond, 1_000),
    ...of("a minute", rate.perMinute, 60_000),
    ...(rate.concurrent === undefined ? [] : [limit("at a time", { concurrent: rate.concurrent })]),
  ];
}

function auths(
  own: string,
  namespace: string,
  { auth }: Draft,
  secrets: Secrets,
  pools: IngressPools,
): readonly (Guard | { readonly problem: string })[] {
  const found: (Guard | { readonly problem: string })[] = [];
  if (auth.isBasic) found.push(basicAuth(own, namespace, auth, secrets));
  const { url } = auth;
  if (url !== undefined) {
    if (url.search !== "") found.push({ problem: "auth-url has a query, which is not sent" });
    else
      found.push({
        kind: "forward",
        name: `auth.${own} url`,
        pool: pools.server(url),
        path: url.pathname,
        copy: auth.copy,
        copyResponse: auth.copiesCookies ? ["set-cookie"] : [],
        timeout: authTimeout,
        onFailure: "refuse",
      });
  }
  return found;
}

function basicAuth(
  own: string,
  namespace: string,
  { secret: reference, isMap, realm }: Draft["auth"],
  secrets: Secrets,
): Guard | { readonly problem: string } {
  if (reference === undefined) return { problem: "auth-type needs auth-secret" };
  const key = ownKey(reference, namespace);
  if (key === undefined) return { problem: `auth-secret ${reference} is in another namespace` };
  const secret = secrets.secret(key);
  if (secret === undefined) return { problem: `there is no Secret ${key}` };
  const text = usersOf(secret, isMap);
  if (text === undefined) return { problem: `Secret ${key} has no key auth` };
  const hashes = parseUsers(text);
  if ("problem" in hashes) return { problem: `Secret ${key} ${hashes.problem}` };
  const source = { kind: "file", file: `Secret ${key}`, given: text } as const;
  return { kind: "basic", name: `auth.${own}`, realm, users: { source, hashes: hashes.value } };
}

/** `namespace/name` of something in the Ingress's own namespace; undefined: it is in another one. */
export function ownKey(reference: string, namespace: string): string | undefined {
  if (!reference.includes("/")) return `${namespace}/${reference}`;
  return reference.startsWith(`${namespace}/`) ? reference : undefined;
}

/** As `htpasswd` writes it. */
function usersOf({ data = {} }: Secret, isMap: boolean): string | undefined {
  const text = (value: string): string => Buffer.from(value, "base64").toString("utf8").trim();
  const { ["auth"]: file } = data;
  if (!isMap) return file === undefined ? undefined : text(file);
  return Object.entries(data)
    .map(([user, hash]) => `${user}:${text(hash)}`)
    .join("\n");
}
