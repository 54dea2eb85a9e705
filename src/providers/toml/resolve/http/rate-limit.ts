import { errorAt, warningAt } from "../../../../lib/findings.ts";
import type { Guard, LimitKeyPart, RateLimit } from "../../../../model/http/guard.ts";
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
  const { rate, burst, concurrent, keys, fields, store } = settings;
  if (rate === undefined && concurrent === undefined)
    report(errorAt(path, "limits nothing; add rate or concurrent"));
  if (burst !== undefined && rate === undefined) report(errorAt([...path, "burst"], "needs rate"));
  if (store !== undefined && rate === undefined)
    report(
      errorAt([...path, "store"], "needs rate: requests under way are counted by each machine for itself"),
    );
  const key = settings.key.map((text) => text.split("+").map(partOf));
  for (const [index, parts] of key.entries())
    for (const part of parts)
      if (part.kind === "client-ip" && (part.v4 < 1 || part.v4 > 32 || part.v6 < 1 || part.v6 > 64))
        report(
          errorAt(
            [...path, "key", index],
            "has a prefix that is too long or too short; IPv4 has 1 to 32, IPv6 1 to 64",
          ),
        );
  const last = key.at(-1)!;
  if (last.some(({ kind }) => kind === "header" || kind === "cookie"))
    report(
      warningAt(
        [...path, "key"],
        'clients that leave the field out are not limited, and those that change it get a limit of their own each time; end the list with "client-ip"',
      ),
    );
  const perSecond = rate === undefined ? 1 : Math.ceil((rate.connections * 1_000) / rate.period);
  return {
    kind: "rate-limit",
    name: `rate_limits.${own}`,
    key,
    rate: rate && { requests: rate.connections, period: rate.period },
    burst: burst ?? Math.max(1, perSecond),
    concurrent,
    keys,
    fields,
    ...(store !== undefined && { store: await resolveStore(store, [...path, "store"], resolving) }),
  };
}

/** Whether a limit can be asked only when it is known who the client is. */
export const knowsClient = (guard: Guard): boolean =>
  guard.kind === "rate-limit" &&
  guard.key.some((parts) => parts.some(({ kind }) => kind === "user" || kind === "claim"));

function partOf(text: string): LimitKeyPart {
  const [kind = "", name = ""] = text.split(":");
  switch (kind) {
    case "header":
      return { kind, name: name.toLowerCase() };
    case "cookie":
    case "claim":
      return { kind, name };
    case "user":
    case "route":
      return { kind };
    default: {
      const [, v4 = "32", v6 = "64"] = text.split("/");
      return { kind: "client-ip", v4: Number(v4), v6: Number(v6) };
    }
  }
}
