import type { Chain } from "../model/chain.ts";
import { type HttpRoute, routesOf } from "../model/http/route.ts";
import type { PlacedListener, PlacedPool, PlacedRouteTable } from "../model/snapshot.ts";
import { detectTimeout } from "./accept/hello.ts";

/** The shortest timeout of a pool, in milliseconds, as the functions below give those of listeners and tables. */
export function shortestOfPool({
  connect,
  queue,
  maxConnectionsPerBackend,
  maxConnections,
  http,
}: PlacedPool): number {
  const queues = [maxConnectionsPerBackend, maxConnections, http.maxRequestsPerBackend].some(
    (most) => most !== undefined,
  );
  return queues ? Math.min(connect.timeout, queue.timeout) : connect.timeout;
}

export function shortestOfListener({ timeouts, chains, detect }: PlacedListener): number {
  const ofChains = chains.map((chain) => Math.min(...Object.values(chain.timeouts), shortestOfServe(chain)));
  return Math.min(timeouts.handshake, ...ofChains, detect ? detectTimeout : Number.POSITIVE_INFINITY);
}

function shortestOfServe({ serve }: Chain): number {
  if (serve.kind !== "http") return Number.POSITIVE_INFINITY;
  return Math.min(...Object.values(serve.front.timeouts));
}

export function shortestOfTable(table: PlacedRouteTable): number {
  const waits = table.guards.flatMap((guard) =>
    guard.kind === "forward" || guard.kind === "process" ? [guard.timeout] : [],
  );
  return Math.min(...waits, ...[...routesOf(table)].map(shortestOfRoute));
}

const shortestOfRoute = ({ timeouts }: HttpRoute): number =>
  Math.min(
    timeouts.firstByte,
    timeouts.try ?? Number.POSITIVE_INFINITY,
    timeouts.request ?? Number.POSITIVE_INFINITY,
    timeouts.idle ?? Number.POSITIVE_INFINITY,
  );
