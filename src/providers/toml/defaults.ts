import type { HttpFront } from "../../model/http/front.ts";
import type { HttpRoute } from "../../model/http/route.ts";
import type { Listener } from "../../model/listener.ts";
import type { Model } from "../../model/model.ts";
import type { Pool } from "../../model/pool.ts";
import { loadConfigText } from "./load.ts";

/** The things for which another provider has no words, as umay's own configuration sets them by default. */
export interface Defaults {
  readonly model: Model;
  readonly listener: Listener;
  readonly pool: Pool;
  readonly front: HttpFront;
  readonly route: HttpRoute;
}

const smallest = `
listeners.a = { bind = "127.0.0.1:1", mode = "http" }
routes.a = { pool = "a" }
pools.a.discovery = { type = "static", backends = ["127.0.0.1:2"] }
`;

/** Environment variables that set what another provider does not. */
const ownKeys = /^UMAY__(WORKERS|WATCHDOG|LOG|SHUTDOWN)(__|$)/;

/** @param env with `UMAY__LOG__LEVEL` and its like. */
export async function readDefaults(env: NodeJS.ProcessEnv, terminal: boolean): Promise<Defaults> {
  const own = Object.fromEntries(Object.entries(env).filter(([name]) => ownKeys.test(name)));
  const { model } = await loadConfigText(smallest, { name: "defaults", directory: "/", env: own, terminal });
  const [listener] = model.listeners;
  const serve = listener!.chains[0]!.serve;
  const route = model.routeTables[0]?.hosts[0]?.rules[0]?.route;
  if (serve.kind !== "http" || route === undefined) throw new Error("the defaults have no route");
  return { model, listener: listener!, pool: model.pools[0]!, front: serve.front, route };
}
