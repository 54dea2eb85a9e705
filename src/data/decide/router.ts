import { AddressSet } from "../../lib/address-set.ts";
import type { Chain, Origin, Protocol } from "../../model/chain.ts";

/** The addresses of a connection. */
export interface Peer {
  /** The client's, IPv4-mapped ones unmapped; empty for a unix socket's client. */
  readonly client: string;
  /** The port that it connected to; 0: not known. */
  readonly port: number;
  /** The address that it connected to, unmapped, and its own port; undefined: no chain asks for them. */
  readonly local?: string | undefined;
  readonly clientPort?: number | undefined;
}

/** The facts of a connection by which its chain is looked for. */
export interface RouteRequest extends Peer {
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
  /** Of the chains that have a condition on it. */
  readonly #clients = new Map<number, AddressSet>();
  readonly #locals = new Map<number, AddressSet>();
  readonly #exact = new Map<string, number[]>();
  /** By what follows `*.`. */
  readonly #wildcard = new Map<string, number[]>();
  readonly #anyName: number[] = [];

  constructor(chains: readonly Chain[]) {
    this.#chains = chains;
    for (const [index, { match }] of chains.entries()) {
      if (match.from.length > 0) this.#clients.set(index, new AddressSet(match.from));
      if (match.to !== undefined) this.#locals.set(index, new AddressSet(match.to));
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
        if (this.#matches(index, request)) return index;
      }
    return best;
  }

  /** All but its names. */
  #matches(index: number, { alpn, protocol, client, port, local = "", clientPort }: RouteRequest): boolean {
    const { match } = this.#chains[index]!;
    return (
      (match.alpn.length === 0 || match.alpn.some((name) => alpn.includes(name))) &&
      (match.protocol.length === 0 || match.protocol.includes(protocol)) &&
      (match.port.length === 0 || match.port.includes(port)) &&
      (match.to === undefined || (local !== "" && this.#locals.get(index)!.has(local))) &&
      (match.fromPort === undefined || match.fromPort.includes(clientPort ?? 0)) &&
      (match.origin === undefined || match.origin.includes(originOf(client, local))) &&
      (match.from.length === 0 || (client !== "" && this.#clients.get(index)!.has(client)))
    );
  }
}

const originOf = (client: string, local: string): Origin =>
  client === local || client === "::1" || client.startsWith("127.") ? "here" : "elsewhere";
