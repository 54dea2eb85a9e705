import { bytesOf } from "../../../../lib/byte-text.ts";
import { parseCidr } from "../../../../lib/cidr.ts";
import { errorAt, type Path, warningAt } from "../../../../lib/findings.ts";
import type {
  Guard,
  LimitKeyPart,
  LimitKeyValue,
  LimitRate,
  RateLimit,
} from "../../../../model/http/guard.ts";
import type { ConnectionRate } from "../../../../model/listener.ts";
import type { RateLimitSettings } from "../../schema/http/rate-limit.ts";
import type { Resolving } from "./context.ts";
import { resolveStore } from "./limit-store.ts";

/** @param own its name in the table `rate_limits`. */
export async function resolveRateLimit(
  own: string,
  settings: RateLimitSettings,
  resolving: Resolving,
): Promise<RateLimit> {
  const { report } = resolving;
  const path = ["rate_limits", own];
  const { rate, burst, concurrent, keys, fields, store, rates = [] } = settings;
  if (rate === undefined && concurrent === undefined && rates.length === 0)
    report(errorAt(path, "limits nothing; add rate, rates or concurrent"));
  if (burst !== undefined && rate === undefined) report(errorAt([...path, "burst"], "needs rate"));
  if (store !== undefined && rate === undefined)
    report(
      errorAt([...path, "store"], "needs rate: requests under way are counted by each machine for itself"),
    );
  if (store !== undefined && rates.length > 0)
    report(errorAt([...path, "rates"], "can't be shared by machines yet; remove store or rates"));
  const key = settings.key.map((text, index) => keyOf(text, [...path, "key", index], report));
  const last = key.at(-1)!;
  if (last.some((part) => ["header", "cookie", "query"].includes(part.kind) && !hasValue(part)))
    report(
      warningAt(
        [...path, "key"],
        'clients that leave the field out are not limited, and those that change it get a limit of their own each time; end the list with "client-ip"',
      ),
    );
  return {
    kind: "rate-limit",
    name: `rate_limits.${own}`,
    key,
    ...(rate === undefined ? { rate, burst: burst ?? 1 } : rateOf(rate, burst)),
    ...(rates.length > 0 && {
      rates: [
        rates.map((each, index) => ({
          key: keyOf(each.key, [...path, "rates", index, "key"], report),
          name: each.key,
          cost: 1,
          ...rateOf(each.rate, each.burst),
        })),
      ],
    }),
    concurrent,
    keys,
    fields,
    ...(store !== undefined && { store: await resolveStore(store, [...path, "store"], resolving) }),
  };
}

/** Whether a limit can be asked only when it is known who the client is. */
export const knowsClient = (guard: Guard): boolean =>
  guard.kind === "rate-limit" &&
  [...guard.key, ...(guard.rates ?? []).flat().map(({ key }) => key)].some((parts) =>
    parts.some(({ kind }) => kind === "user" || kind === "claim"),
  );

const rateOf = (
  { connections, period }: Omit<ConnectionRate, "burst">,
  burst: number | undefined,
): LimitRate => ({
  rate: { requests: connections, period },
  burst: burst ?? Math.max(1, Math.ceil((connections * 1_000) / period)),
});

const hasValue = (part: LimitKeyPart): boolean => part.kind !== "condition" && part.is !== undefined;

function keyOf(text: string, path: Path, report: Resolving["report"]): readonly LimitKeyPart[] {
  return text.split("+").map((part) => {
    const at = part.indexOf("=");
    const value = limitValueOf(at < 0 ? part : part.slice(0, at));
    const is = at < 0 ? undefined : part.slice(at + 1);
    if (value.kind === "client-ip") checkAddress(value, is, path, report);
    return is === undefined ? value : { ...value, is: value.kind === "client-ip" ? is : bytesOf(is) };
  });
}

function checkAddress(
  { v4, v6 }: LimitKeyValue & { kind: "client-ip" },
  is: string | undefined,
  path: Path,
  report: Resolving["report"],
): void {
  if (v4 < 1 || v4 > 32 || v6 < 1 || v6 > 64)
    report(errorAt(path, "has a prefix that is too long or too short; IPv4 has 1 to 32, IPv6 1 to 64"));
  const parsed = is === undefined ? undefined : parseCidr(is);
  if (typeof parsed === "string") report(errorAt(path, `${JSON.stringify(is)} ${parsed}`));
}

function limitValueOf(text: string): LimitKeyValue {
  const [kind = "", name = ""] = text.split(":");
  switch (kind) {
    case "header":
      return { kind, name: name.toLowerCase() };
    case "cookie":
    case "claim":
      return { kind, name };
    case "query":
      return { kind, name: bytesOf(name) };
    case "user":
    case "route":
    case "connection":
      return { kind };
    default: {
      const [, v4 = "32", v6 = "64"] = text.split("/");
      return { kind: "client-ip", v4: Number(v4), v6: Number(v6) };
    }
  }
}
