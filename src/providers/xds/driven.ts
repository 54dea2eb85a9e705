import type { Model } from "../../model/model.ts";
import type { Pool } from "../../model/pool.ts";
import type { ProviderLogger } from "../provider.ts";
import { merge } from "./merge.ts";
import type { XdsSource } from "./source.ts";

/** The part of a provider that control planes drive. */
export class Driven {
  readonly source: XdsSource;
  readonly #usual: Pool;
  readonly #logger: ProviderLogger;
  /** What was left out last time, which is told once. */
  #told: ReadonlySet<string> = new Set();

  /** Resolves when there is something to serve: see {@link XdsSource.ready}. @param usual a pool with every default. */
  static async start(source: XdsSource, usual: Pool, logger: ProviderLogger): Promise<Driven> {
    await source.start();
    await source.ready();
    return new Driven(source, usual, logger);
  }

  private constructor(source: XdsSource, usual: Pool, logger: ProviderLogger) {
    this.source = source;
    this.#usual = usual;
    this.#logger = logger;
  }

  /** A model with all that has come. */
  async complete(model: Model): Promise<Model> {
    const told = new Set<string>();
    const merged = merge(model, await this.source.dynamic(), this.#usual, (what, why) => {
      const message = `${what} of the control plane is not served: ${why}`;
      told.add(message);
      if (!this.#told.has(message)) this.#logger.warn({}, message);
    });
    this.#told = told;
    return this.source.isComplete
      ? merged
      : { ...merged, incomplete: "the control plane has not told everything yet" };
  }
}
