import type { Chain, Protocol } from "../../model/chain.ts";
import { type RouteRequest, Router } from "./router.ts";

/** A client's offer in its hello. */
export type Offer = Pick<RouteRequest, "serverName" | "alpn">;

/** The offer of a client whose names are not looked at. */
export const nothingSaid: Offer = { serverName: "", alpn: [] };

/**
 * The way of a client after its first bytes: the chain that serves it, or TLS that is terminated before that is known.
 * `unknown_name`: it is refused, because no certificate covers the name that it asks for.
 */
export type Course = Chain | "terminate" | "unknown_name";

/** The chains of a listener, as its connections choose among them: once at the first bytes, and after a handshake again. */
export class Chains {
  readonly #all: Router;
  readonly #terminating: Router;
  readonly #plain: Router;
  readonly #terminates: boolean;
  readonly #covers: ((serverName: string) => boolean) | undefined;

  /** @param covers whether TLS is terminated for this name; undefined: it is for every name. */
  constructor(chains: readonly Chain[], covers?: (serverName: string) => boolean) {
    const terminating = chains.filter(({ tls }) => tls === "terminate");
    this.#all = new Router(chains);
    this.#terminating = new Router(terminating);
    this.#plain = new Router(chains.filter(({ tls }) => tls === undefined));
    this.#terminates = terminating.length > 0;
    this.#covers = covers;
  }

  /**
   * By the first bytes: a chain that passes TLS through, or one for which nothing is known but the protocol.
   * @param hello where the client speaks TLS and hellos are read.
   */
  atHello(protocol: Protocol, hello: Offer | undefined): Course {
    if (hello !== undefined) {
      const chain = this.#all.find(offered(protocol, hello));
      if (chain?.tls === "passthrough") return chain;
    }
    if (protocol === "tls" && this.#terminates)
      return hello === undefined || this.#isCovered(hello.serverName) ? "terminate" : "unknown_name";
    return this.#plain.find(offered(protocol, nothingSaid))!;
  }

  #isCovered(serverName: string): boolean {
    return this.#covers === undefined || this.#covers(serverName);
  }

  /** By what was negotiated. @param alpn empty: nothing was. */
  afterHandshake(serverName: string, alpn: string): Chain {
    return this.#terminating.find(negotiated(serverName, alpn))!;
  }
}

/** The question to the chains at the first bytes. */
export function offered(protocol: Protocol, { serverName, alpn }: Offer): RouteRequest {
  return { serverName, alpn, protocol };
}

/** The question to the chains after the handshake. */
export function negotiated(serverName: string, alpn: string): RouteRequest {
  return { serverName, alpn: alpn === "" ? [] : [alpn], protocol: "tls" };
}
