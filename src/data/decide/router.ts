import type { Chain, Protocol } from "../../model/chain.ts";

/** The facts of a connection by which its chain is looked for. */
export interface RouteRequest {
  /** Lower case; empty without one. */
  readonly serverName: string;
  /** Application protocols: the one that was negotiated, or all that the client offers where TLS is passed through. */
  readonly alpn: readonly string[];
  readonly protocol: Protocol;
}

/**
 * Chains of a listener: the first that matches wins. They are found by name, not one after the other, so that ten thousand
 * names cost what ten do.
 */
export class Router {
  readonly #chains: readonly Chain[];
  readonly #exact = new Map<string, number[]>();
  /** By what follows `*.`. */
  readonly #wildcard = new Map<string, number[]>();
  readonly #anyName: number[] = [];

  constructor(chains: readonly Chain[]) {
    this.#chains = chains;
    for (const [index, { match }] of chains.entries()) {
      if (match.sni.length === 0) this.#anyName.push(index);
      for (const name of match.sni) {
        const wildcard = name.startsWith("*.");
        const names = wildcard ? this.#wildcard : this.#exact;
        const key = wildcard ? name.slice(2) : name;
        const indexes = names.get(key);
        if (indexes === undefined) names.set(key, [index]);
        else indexes.push(index);
      }
    }
  }

  /** @returns undefined where none matches. */
  find(request: RouteRequest): Chain | undefined {
    const { serverName } = request;
    let best = this.#first(this.#anyName, request, this.#chains.length);
    best = this.#first(this.#exact.get(serverName), request, best);
    // A wildcard stands for one label or more.
    for (
      let dot = serverName.indexOf(".");
      dot > 0 && this.#wildcard.size > 0;
      dot = serverName.indexOf(".", dot + 1)
    )
      best = this.#first(this.#wildcard.get(serverName.slice(dot + 1)), request, best);
    return this.#chains[best];
  }

  /** The first of the chains that matches and comes before `best`; else `best`. */
  #first(indexes: readonly number[] | undefined, request: RouteRequest, best: number): number {
    if (indexes !== undefined)
      for (const index of indexes) {
        if (index >= best) break;
        if (matches(this.#chains[index]!, request)) return index;
      }
    return best;
  }
}

function matches({ match }: Chain, { alpn, protocol }: RouteRequest): boolean {
  return (
    (match.alpn.length === 0 || match.alpn.some((name) => alpn.includes(name))) &&
    (match.protocol.length === 0 || match.protocol.includes(protocol))
  );
}
