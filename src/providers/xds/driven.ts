import { formatAddress } from "../../lib/address.ts";
import { probe } from "../../lib/probe.ts";
import type { Model } from "../../model/model.ts";
import type { Pool } from "../../model/pool.ts";
import type { MappedListener } from "../envoy/map/listeners.ts";
import type { ProviderLogger } from "../provider.ts";
import type { Dynamic } from "./assembly.ts";
import { type LeaveOut, merge } from "./merge.ts";
import type { XdsSource } from "./source.ts";

/** The part of a provider that control planes drive. */
export class Driven {
  readonly source: XdsSource;
  readonly #usual: Pool;
  readonly #logger: ProviderLogger;
  /** The resources that were left out last time. They are told once. */
  #told: ReadonlySet<string> = new Set();
  /** Addresses that listeners have; undefined before a model is served: a start that can't have one fails by itself. */
  #bound: ReadonlySet<string> | undefined;

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
    const leaveOut: LeaveOut = (what, why) => {
      const message = `${what} of the control plane is not served: ${why}`;
      told.add(message);
      if (!this.#told.has(message)) this.#logger.warn({}, message);
    };
    const { pools, listeners } = await this.source.dynamic();
    const bindable = await this.#bindable(listeners, leaveOut);
    const merged = merge(model, { pools, listeners: bindable }, this.#usual, leaveOut);
    this.#told = told;
    return this.source.isComplete
      ? merged
      : { ...merged, incomplete: "the control plane has not told everything yet" };
  }

  /** This model is served now. */
  serves({ listeners }: Model): void {
    this.#bound = new Set(listeners.map(({ bind }) => formatAddress(bind)));
  }

  /** Without the new listeners whose address somebody else has, which would keep everything else out of service. */
  async #bindable(listeners: Dynamic["listeners"], leaveOut: LeaveOut): Promise<Dynamic["listeners"]> {
    const bound = this.#bound;
    if (bound === undefined) return listeners;
    const free: MappedListener[] = [];
    for (const mapped of listeners) {
      const { name, bind } = mapped.listener;
      const fault = bound.has(formatAddress(bind))
        ? undefined
        : await probe(bind).catch((error: Error) => error);
      if (fault === undefined) free.push(mapped);
      else leaveOut(`listener ${name}`, fault.message);
    }
    return free;
  }
}
