import type { Protocol, Route } from "../../model/listener.ts";

/** What a route may depend on. */
export interface RouteRequest {
  /** Lower case; empty without one. */
  readonly serverName: string;
  /** Application protocols: the one that was negotiated, or all that the client offers where TLS is passed through. */
  readonly alpn: readonly string[];
  readonly protocol: Protocol;
}

/**
 * The routes of a listener: the first that matches wins. They are found by name, not one after the other, so that ten
 * thousand names cost what ten do.
 */
export class Router {
  readonly #routes: readonly Route[];
  readonly #exact = new Map<string, number[]>();
  /** By what follows `*.`. */
  readonly #wildcard = new Map<string, number[]>();
  readonly #anyName: number[] = [];

  constructor(routes: readonly Route[]) {
    this.#routes = routes;
    for (const [index, route] of routes.entries()) {
      if (route.sni.length === 0) this.#anyName.push(index);
      for (const name of route.sni) {
        const wildcard = name.startsWith("*.");
        const names = wildcard ? this.#wildcard : this.#exact;
        const key = wildcard ? name.slice(2) : name;
        const indexes = names.get(key);
        if (indexes === undefined) names.set(key, [index]);
        else indexes.push(index);
      }
    }
  }

  /** @returns undefined where no route matches: then the listener's own pool is meant. */
  find(request: RouteRequest): Route | undefined {
    if (this.#routes.length === 0) return undefined;
    const { serverName } = request;
    let best = this.#first(this.#anyName, request, this.#routes.length);
    best = this.#first(this.#exact.get(serverName), request, best);
    // A wildcard stands for one label or more.
    for (
      let dot = serverName.indexOf(".");
      dot > 0 && this.#wildcard.size > 0;
      dot = serverName.indexOf(".", dot + 1)
    )
      best = this.#first(this.#wildcard.get(serverName.slice(dot + 1)), request, best);
    return this.#routes[best];
  }

  /** The first of the routes that matches and comes before `best`; else `best`. */
  #first(indexes: readonly number[] | undefined, request: RouteRequest, best: number): number {
    if (indexes !== undefined)
      for (const index of indexes) {
        if (index >= best) break;
        if (matches(this.#routes[index]!, request)) return index;
      }
    return best;
  }
}

function matches(route: Route, { alpn, protocol }: RouteRequest): boolean {
  return (
    (route.alpn.length === 0 || route.alpn.some((name) => alpn.includes(name))) &&
    (route.protocol.length === 0 || route.protocol.includes(protocol))
  );
}
