import type { Finding } from "../../../lib/findings.ts";
import type { HttpFront } from "../../../model/http/front.ts";
import type { HttpRoute } from "../../../model/http/route.ts";
import type { Listener } from "../../../model/listener.ts";
import type { Model } from "../../../model/model.ts";
import type { Pool } from "../../../model/pool.ts";
import { loadConfigText } from "../../toml/load.ts";
import type { Node } from "../node.ts";

/** The things that umay has and Envoy has not, or has no words for, as umay's own configuration sets them by default. */
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

/** Environment variables that set what a file of Envoy's does not. */
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

/** The things that every part of the mapping has at hand. */
export interface Mapping {
  readonly defaults: Defaults;
  /** Where relative paths start. */
  readonly directory: string;
  readonly env: NodeJS.ProcessEnv;
  report(finding: Finding): void;
  /** Whether a control plane may still bring what is not there yet: then it is waited for, and no error. */
  readonly isDynamic: boolean;
  /** A secret by its name; undefined: there is none. */
  secret(name: string): Node | undefined;
  /** A route configuration by its name, where it comes from elsewhere; undefined: there is none (yet). */
  routes(name: string): Node | undefined;
  /** The endpoints of a cluster, where they come from elsewhere; undefined: there are none (yet). */
  endpoints(service: string): Node | undefined;
}
