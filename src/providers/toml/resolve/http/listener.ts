import { errorAt, type Path } from "../../../../lib/findings.ts";
import type { HttpServe } from "../../../../model/http/front.ts";
import type { HttpRoute, RouteAction } from "../../../../model/http/route.ts";
import { httpKeys, httpTimeouts } from "../../schema/http/listener.ts";
import { route } from "../../schema/http/route.ts";
import type { ListenerSettings } from "../../schema/listener.ts";
import { given, type Resolving } from "./context.ts";
import { resolveFront, versionsOf } from "./front.ts";
import { resolveRoute } from "./route.ts";

/** The meaning of a listener's other keys by its mode. @param table of routes; undefined: it does not speak HTTP. */
export async function resolveServe(
  name: string,
  settings: ListenerSettings,
  table: string | undefined,
  resolving: Resolving,
): Promise<HttpServe | undefined> {
  const path = ["listeners", name];
  if (table === undefined) {
    checkRelay(settings, path, resolving);
    return undefined;
  }
  checkHttp(settings, path, resolving);
  return {
    kind: "http",
    routes: table,
    fallback: await fallbackOf(name, settings, resolving),
    front: await resolveFront(settings, path, resolving),
  };
}

/** No user can name a route so: their names have no dot. */
export const fallbackName = (listener: string, key: "pool" | "https_redirect"): string =>
  `${listener}.${key}`;

async function fallbackOf(
  name: string,
  { pool, https_redirect: redirect }: ListenerSettings,
  resolving: Resolving,
): Promise<HttpRoute | undefined> {
  if (redirect !== undefined) {
    const action: RouteAction = {
      kind: "redirect",
      redirect: { scheme: "https", host: undefined, port: redirect.port, path: undefined, status: 308 },
    };
    const plain = await resolveRoute(
      fallbackName(name, "https_redirect"),
      route.parse({ respond: {} }),
      resolving,
    );
    return { ...plain.route, action };
  }
  if (pool === undefined) return undefined;
  return (await resolveRoute(fallbackName(name, "pool"), route.parse({ pool }), resolving)).route;
}

function checkRelay(settings: ListenerSettings, path: Path, { report }: Resolving): void {
  const { mode, pool, timeouts } = settings;
  if (pool === undefined) report(errorAt([...path, "pool"], "is missing; expected the name of a pool"));
  for (const key of given(settings, Object.keys(httpKeys) as (keyof typeof httpKeys)[]))
    report(
      errorAt([...path, key], `needs mode = "http"; with mode = "${mode}" bytes are relayed as they come`),
    );
  for (const key of given(timeouts, Object.keys(httpTimeouts) as (keyof typeof httpTimeouts)[]))
    report(errorAt([...path, "timeouts", key], 'needs mode = "http"'));
}

function checkHttp(settings: ListenerSettings, path: Path, { report }: Resolving): void {
  const { pool, https_redirect: redirect, tls, detect, hsts } = settings;
  if (pool !== undefined && redirect !== undefined)
    report(
      errorAt(
        [...path, "https_redirect"],
        "stands beside pool; each says what becomes of requests that no route takes, so there can be one",
      ),
    );
  if (redirect !== undefined && tls !== undefined && !detect)
    report(
      errorAt([...path, "https_redirect"], "sends clients to https, which they use here already; remove it"),
    );
  if (hsts !== undefined && tls === undefined)
    report(errorAt([...path, "hsts"], "counts on answers over TLS alone; add a tls table, or remove it"));
  if (tls?.alpn.includes("h2") && !versionsOf(settings).includes("2"))
    report(
      errorAt(
        [...path, "tls", "alpn"],
        'names "h2", and http.versions has no "2"; remove one, or add the other',
      ),
    );
}
