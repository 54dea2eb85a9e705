import type {
  ForwardAuth,
  Guard,
  GuardGroups,
  JwtAuth,
  LimitKeyPart,
  LimitRate,
  RateLimit,
  TokenPlace,
} from "../../../model/http/guard.ts";
import type { Model } from "../../../model/model.ts";
import { duration, list, table, type Writing } from "./context.ts";

/** The tables `auth` and `rate_limits`. */
export function writeGuards({ routeTables }: Model, writing: Writing): object {
  const guards = new Map(routeTables.flatMap((each) => each.guards.map((guard) => [guard.name, guard])));
  const auth: Record<string, object> = {};
  const limits: Record<string, object> = {};
  for (const guard of guards.values()) {
    const written = writeGuard(guard, writing);
    if (written !== undefined)
      (guard.kind === "rate-limit" ? limits : auth)[nameOf(guard.name, writing)] = written;
  }
  return { auth: table(auth), rate_limits: table(limits) };
}

/** `auth.x` is `x` in its table. */
const nameOf = (guard: string, writing: Writing): string => writing.name(guard.slice(guard.indexOf(".") + 1));

function writeGuard(guard: Guard, writing: Writing): object | undefined {
  switch (guard.kind) {
    case "rate-limit":
      return writeLimit(guard, writing);
    case "jwt":
      return writeToken(guard, writing);
    case "forward":
      return writeForward(guard, writing);
    default:
      writing.omit(`${guard.name}: TOML has no words for it`);
      return undefined;
  }
}

function writeLimit(limit: RateLimit, writing: Writing): object {
  const { name, key, rate, burst, concurrent, fields, refusal, rates = [] } = limit;
  if (refusal !== undefined && (refusal.status !== 429 || refusal.lines !== ""))
    writing.omit(`${name}: refused requests get status 429 here, without further fields`);
  if (limit.counted !== undefined || limit.enforced !== undefined)
    writing.omit(`${name}: it counts for a part of the requests, here for all`);
  if (limit.form !== undefined) writing.omit(`${name}: answers have the fields of a newer draft here`);
  const isKeyed = rate !== undefined || concurrent !== undefined;
  const keys = isKeyed ? key.map(keyText) : [];
  // One bucket for all of them.
  if (keys.includes("")) writing.omit(`${name}: each route counts for itself here`);
  const written = writeRates(limit, writing);
  const isIdle = !isKeyed && written.length === 0;
  if (isIdle) writing.omit(`${name}: it limits nothing here`);
  if (rates.length > 1) writing.omit(`${name}: of several rates for a request the first counts here`);
  if (limit.always === true && rate !== undefined)
    writing.omit(`${name}: its own rate does not count here where another one does`);
  return table({
    key: list(keys.map((text) => text || "route")),
    ...(rate && writeRate({ rate, burst }, name, writing)),
    rates: list(written),
    concurrent: isIdle ? 1_000_000 : concurrent,
    fields,
  })!;
}

function writeRates({ name, rates = [] }: RateLimit, writing: Writing): readonly object[] {
  const written = rates.flat().filter(({ key }) => key.every(hasWords));
  if (written.length < rates.flat().length)
    writing.omit(`${name}: rates for requests that TOML can't describe`);
  return written.map((each) => ({ key: keyText(each.key) || "route", ...writeRate(each, name, writing) }));
}

/** Whether TOML can say a part of a key. */
const hasWords = (part: LimitKeyPart): boolean => part.kind !== "condition" && !/[\s+]/.test(part.is ?? "");

function writeRate({ rate, burst }: LimitRate, name: string, writing: Writing): object {
  const perSecond = (rate.requests * 1_000) / rate.period;
  const [amount, unit] =
    perSecond >= 1
      ? [perSecond, "s"]
      : perSecond * 60 >= 1
        ? [perSecond * 60, "m"]
        : [perSecond * 3_600, "h"];
  if (!Number.isInteger(amount))
    writing.omit(`${name}: its rate of ${rate.requests} in ${rate.period} ms is rounded`);
  if (burst === 0) writing.omit(`${name}: where nothing may pass, one request may here`);
  return { rate: `${Math.max(1, Math.round(amount))}/${unit}`, burst: Math.max(1, burst) };
}

const keyText = (parts: readonly LimitKeyPart[]): string => parts.map(partText).join("+");

function partText(part: LimitKeyPart): string {
  if (part.kind === "condition") return "";
  const value = part.is === undefined ? "" : `=${part.is}`;
  if (part.kind === "client-ip")
    return value === "" ? `client-ip/${part.v4}/${Math.min(64, part.v6)}` : `client-ip${value}`;
  return `${"name" in part ? `${part.kind}:${part.name}` : part.kind}${value}`;
}

function writeToken(
  { name, keys, algorithms, issuer, audience, skew, from, claims, user }: JwtAuth,
  writing: Writing,
): object {
  if (keys.kind === "set" && keys.source.given !== undefined)
    writing.omit(
      `${name}: its keys stood in the configuration itself; write them to the file that is named here`,
    );
  return table({
    type: "jwt",
    keys_file:
      keys.kind !== "set"
        ? undefined
        : keys.source.given === undefined
          ? keys.source.file
          : `${nameOf(name, writing)}.json`,
    keys_url: keys.kind === "url" ? keys.url : undefined,
    refresh: keys.kind === "url" ? duration(keys.refresh) : undefined,
    algorithms,
    issuer: list(issuer),
    audience: list(audience),
    skew: duration(skew),
    from: from.map((place) => placeText(place, name, writing)),
    claims: table(Object.fromEntries(claims.map((claim) => [claim.name, claim.values]))),
    user,
  })!;
}

function placeText(place: TokenPlace, name: string, writing: Writing): string {
  if (place.kind === "bearer") return "bearer";
  if (place.kind === "header" && place.prefix !== undefined)
    writing.omit(`${name}: what stands before the token in field ${place.name}`);
  return `${place.kind}:${place.name}`;
}

function writeForward(auth: ForwardAuth, writing: Writing): object {
  const { name, pool, path, copy, copyResponse, timeout, onFailure, asks } = auth;
  if (asks === "grpc") writing.omit(`${name}: the server is called over gRPC`);
  if (asks === "same") writing.omit(`${name}: the server is asked with the request's own method and path`);
  if (auth.share !== undefined)
    writing.omit(`${name}: the server is asked about a part of the requests, here about all`);
  const further = [auth.body, auth.sees, auth.passes, auth.lines, auth.marksFailure].some(Boolean);
  if (further) writing.omit(`${name}: bodies and further fields that go to the server, or come from it`);
  return table({
    type: "forward",
    pool: writing.name(pool),
    path: path || "/",
    copy: list(copy),
    copy_response: list(copyResponse),
    timeout: duration(timeout),
    on_failure: onFailure,
  })!;
}

/** The keys of a route that name guards. */
export function writeGroups(groups: GuardGroups, route: string, writing: Writing): object {
  const of = (kind: string): readonly string[][] =>
    groups
      .map((group) => group.filter((name) => name.startsWith(`${kind}.`)))
      .filter((group) => group.length > 0);
  const auths = of("auth");
  if (auths.length > 1) writing.omit(`route ${route}: it needs several auths; here one of them lets in`);
  return {
    auth: list(auths.flat().map((name) => nameOf(name, writing))),
    rate_limit: list(
      of("rate_limits")
        .flat()
        .map((name) => nameOf(name, writing)),
    ),
  };
}
