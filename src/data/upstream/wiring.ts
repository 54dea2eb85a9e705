import { isDeepStrictEqual } from "node:util";
import type { PlacedBackend } from "../../model/backend.ts";
import type { PlacedPool } from "../../model/snapshot.ts";
import { type Transport, transportIndex, transportsOf } from "../../model/transport.ts";
import type { Dial } from "./dial.ts";
import { BackendTls } from "./tls.ts";
import type { UpstreamTls } from "./upstream.ts";

/**
 * How connections to some backends of a pool are made. It is another object each time that changes, so it says which
 * connections may be used again.
 */
export interface Wiring {
  /** Undefined: plain TCP. */
  readonly tls: UpstreamTls | undefined;
  /** The same for connections that requests share: it offers the protocols that the pool's `http.version` asks for. */
  readonly sharedTls: UpstreamTls | undefined;
  readonly proxyProtocol: Transport["proxyProtocol"];
  /** The pool's settings as they are now. */
  readonly definition: Pick<PlacedPool, "http"> & { readonly connect: Parameters<Dial>[2] };
}

/** A wiring with the settings that it was made by. */
class PoolWiring implements Wiring {
  readonly tls: BackendTls | undefined;
  readonly sharedTls: UpstreamTls | undefined;
  readonly proxyProtocol: Transport["proxyProtocol"];
  definition: PlacedPool;
  readonly #settings: Transport["tls"];

  /** @param tls the one that a wiring before had by the same settings. @throws where OpenSSL refuses a certificate. */
  constructor(transport: Transport, definition: PlacedPool, tls: BackendTls | undefined) {
    this.#settings = transport.tls;
    this.proxyProtocol = transport.proxyProtocol;
    this.definition = definition;
    this.tls = tls ?? (transport.tls && new BackendTls(transport.tls));
    this.sharedTls = this.tls?.offering(sharedProtocols(definition));
  }

  hasTls({ tls }: Transport): boolean {
    return isDeepStrictEqual(tls, this.#settings);
  }

  isFor(transport: Transport, { http, connect }: PlacedPool): boolean {
    return (
      transport.proxyProtocol === this.proxyProtocol &&
      http.version === this.definition.http.version &&
      isDeepStrictEqual(connect.sources, this.definition.connect.sources) &&
      this.hasTls(transport)
    );
  }
}

/** How the backends of a pool are connected: as the pool says, or as one of its transports does for backends with its labels. */
export class Wirings {
  /** The pool's own, and those of its transports, in their order. */
  #all: readonly PoolWiring[] = [];
  #transports: PlacedPool["transports"];
  #known = new WeakMap<PlacedBackend, Wiring>();

  /** @throws where OpenSSL refuses a certificate. */
  constructor(definition: PlacedPool) {
    this.prepare(definition)();
  }

  of(backend: PlacedBackend): Wiring {
    if (this.#transports === undefined) return this.#all[0]!;
    const known = this.#known.get(backend);
    if (known !== undefined) return known;
    const found = this.#all[transportIndex(this.#transports, backend) + 1]!;
    this.#known.set(backend, found);
    return found;
  }

  /**
   * Makes what a new definition needs; nothing changes until the returned function is called. Connections that are made as before
   * keep their wiring.
   * @throws where OpenSSL refuses a certificate.
   */
  prepare(definition: PlacedPool): () => void {
    const before = this.#all;
    const all: PoolWiring[] = [];
    for (const transport of transportsOf(definition)) {
      const known = [...before, ...all];
      const same = known.find((wiring) => wiring.isFor(transport, definition));
      const likeIt = known.find((wiring) => wiring.hasTls(transport));
      all.push(same ?? new PoolWiring(transport, definition, likeIt?.tls));
    }
    return () => {
      for (const wiring of all) wiring.definition = definition;
      this.#all = all;
      this.#transports = definition.transports;
      this.#known = new WeakMap();
    };
  }
}

const sharedProtocols = ({ http }: PlacedPool): readonly string[] =>
  http.version === "auto" ? ["h2", "http/1.1"] : ["h2"];
