import type { Chain, Protocol } from "../../model/chain.ts";
import { type RouteRequest, Router } from "./router.ts";

/** What a client offers in its hello. */
type Offer = Pick<RouteRequest, "serverName" | "alpn">;

/** Of a client whose names are not looked at. */
const nothingSaid: Offer = { serverName: "", alpn: [] };

/** The chains of a listener, as its connections choose among them: once at the first bytes, and after a handshake again. */
export class Chains {
  readonly #all: Router;
  readonly #terminating: Router;
  readonly #plain: Router;
  readonly #terminates: boolean;

  constructor(chains: readonly Chain[]) {
    const terminating = chains.filter(({ tls }) => tls === "terminate");
    this.#all = new Router(chains);
    this.#terminating = new Router(terminating);
    this.#plain = new Router(chains.filter(({ tls }) => tls === undefined));
    this.#terminates = terminating.length > 0;
  }

  /**
   * By the first bytes: a chain that passes TLS through, or one for which nothing is known but the protocol.
   * @param hello where the client speaks TLS and hellos are read.
   * @returns `terminate`: TLS ends here first.
   */
  atHello(protocol: Protocol, hello: Offer | undefined): Chain | "terminate" {
    if (hello !== undefined) {
      const { serverName, alpn } = hello;
      const chain = this.#all.find({ serverName, alpn, protocol });
      if (chain?.tls === "passthrough") return chain;
    }
    if (protocol === "tls" && this.#terminates) return "terminate";
    return this.#plain.find({ ...nothingSaid, protocol })!;
  }

  /** By what was negotiated. @param alpn empty: nothing was. */
  afterHandshake(serverName: string, alpn: string): Chain {
    return this.#terminating.find({ serverName, alpn: alpn === "" ? [] : [alpn], protocol: "tls" })!;
  }
}
