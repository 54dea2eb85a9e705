import type { Path } from "../../../lib/findings.ts";
import { anyConnection, type Chain, type Serve } from "../../../model/chain.ts";
import type { HttpServe } from "../../../model/http/front.ts";
import type { ListenerSettings } from "../schema/listener.ts";

/** The key of a listener that says where everything goes that no route takes. */
const fallback = "pool";

/**
 * The meaning of a listener's `pool`, `routes`, `tls`, `mode` and `detect` together. Each route, and `pool` at the end, is a
 * rule of the same name; where clients without TLS are told apart from those with it, they have the same rules again,
 * but for those that pass TLS through.
 * @param http what comes after the routes where the listener speaks HTTP.
 */
export function resolveChains(settings: ListenerSettings, http?: HttpServe): readonly Chain[] {
  const { mode, detect, tls, pool, routes, timeouts, max_connection_age: maxAge } = settings;
  const { idle = usualIdle, half_close: halfClose, stall } = timeouts;
  const common = { idle, halfClose, stall };
  const withTls: Chain["tls"] = mode === "passthrough" ? "passthrough" : tls && "terminate";
  const rules = [
    ...routes.map((route, index) => ({ ...route, name: routeName(index), serve: relayTo(route.pool) })),
    { name: fallback, sni: [], alpn: [], protocol: [], passthrough: false, serve: http ?? relayTo(pool) },
  ];
  const chainOf = (rule: (typeof rules)[number], kind: Chain["tls"]): Chain => ({
    name: rule.name,
    match: { ...anyConnection, sni: rule.sni, alpn: rule.alpn, protocol: rule.protocol },
    tls: kind,
    settings: kind === "terminate" ? tlsSettings : undefined,
    serve: rule.serve,
    timeouts: common,
    ...(maxAge !== undefined && { maxAge }),
  });
  const alsoPlain = detect || tls?.starttls_plain === "pass";
  const plain = alsoPlain && withTls !== undefined ? rules.filter(({ passthrough }) => !passthrough) : [];
  return [
    ...rules.map((rule) => chainOf(rule, rule.passthrough ? "passthrough" : withTls)),
    ...plain.map((rule) => chainOf(rule, undefined)),
  ];
}

/** The name of a listener's TLS settings, of which TOML has one for each. */
export const tlsSettings = "tls";

/** In milliseconds. */
const usualIdle = 3_600_000;

/** A pool that is missing has been reported. */
const relayTo = (pool: string | undefined): Serve => ({
  kind: "relay",
  to: pool === undefined ? [] : [{ pool, weight: 1 }],
});

const routeName = (index: number): string => `routes[${index}]`;

/** Where the file has what is at a path of the model. */
export function placeInFile(path: Path): Path {
  const [table, name, part, chain, ...below] = path;
  if (table !== "listeners" || part !== "chains") return path;
  const listener = ["listeners", name!];
  if (chain === fallback) return [...listener, fallback];
  const index = Number(/\d+/.exec(String(chain)));
  const key = below.includes("pool") ? ["pool"] : below.slice(-1);
  return [...listener, "routes", index, ...key];
}
