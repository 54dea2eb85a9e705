import type { SocketAddress } from "../../lib/address.ts";
import { isHere } from "../../lib/own-addresses.ts";
import type { Backend } from "../../model/backend.ts";
import type { ProviderLogger } from "../provider.ts";

/**
 * Leaves out endpoints at umay's own admin server, which anybody may name who may write an EndpointSlice: a request that
 * comes from umay's own address may change things there.
 */
export class OwnAdmin {
  /** Undefined: there is none. */
  bind: SocketAddress | undefined;
  readonly #logger: Pick<ProviderLogger, "warn">;
  /** The Services that have such an endpoint. */
  readonly #told = new Set<string>();

  constructor(logger: Pick<ProviderLogger, "warn">) {
    this.#logger = logger;
  }

  /** @param service `namespace/name`. */
  without(service: string, backends: readonly Backend[]): readonly Backend[] {
    const { bind } = this;
    if (bind?.kind !== "tcp") return backends;
    const others = backends.filter(
      ({ target }) => target.kind === "unix" || target.port !== bind.port || !isHere(target.host),
    );
    if (others.length === backends.length) {
      this.#told.delete(service);
      return backends;
    }
    if (!this.#told.has(service))
      this.#logger.warn({ service }, "an endpoint is umay's own admin server; it is left out");
    this.#told.add(service);
    return others;
  }
}
