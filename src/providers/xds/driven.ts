import type { Model } from "../../model/model.ts";
import type { Pool } from "../../model/pool.ts";
import type { MappedListener } from "../envoy/map/listeners.ts";
import type { Node } from "../envoy/node.ts";
import type { ProviderLogger } from "../provider.ts";
import type { Dynamic } from "./assembly.ts";
import { type LeaveOut, merge, withNamedPools } from "./merge.ts";
import type { XdsSource } from "./source.ts";

const none: ReadonlySet<Node> = new Set();

/** A model with all that has come. */
export interface Completed {
  readonly model: Model;
  /** It is served from now on. Before that, it was only proposed, or tried out. */
  readonly serves: () => void;
}

/** The part of a provider that control planes drive. */
export class Driven {
  readonly source: XdsSource;
  readonly #usual: Pool;
  readonly #logger: ProviderLogger;
  /** The resources that were left out last time. They are told once. */
  #told: ReadonlySet<string> = new Set();
  #begun: Promise<void> | undefined;

  /** @param usual a pool with every default. */
  constructor(source: XdsSource, usual: Pool, logger: ProviderLogger) {
    this.source = source;
    this.#usual = usual;
    this.#logger = logger;
  }

  /**
   * Asks, unless it does already. Resolves when there is something to serve: see {@link XdsSource.ready}.
   * @param own the configuration. @param waiting its resources that wait for others. @param waits whether to wait, too.
   */
  begin(own: Model, waiting = none, waits = true): Promise<void> {
    this.#begun ??= this.#begin(own, waiting, waits);
    return this.#begun;
  }

  async #begin(own: Model, waiting: ReadonlySet<Node>, waits: boolean): Promise<void> {
    this.source.addresses.own = own;
    this.source.follow(waiting);
    await this.source.start();
    if (waits) await this.source.ready();
  }

  /** Changes nothing. @param waiting resources of the configuration that are not in its model: they wait for others. */
  async complete(model: Model, waiting = none): Promise<Completed> {
    const told = new Set<string>();
    const leaveOut: LeaveOut = (what, why) => {
      const message = `${what} is not served: ${why}`;
      told.add(message);
      if (!this.#told.has(message)) this.#logger.warn({}, message);
    };
    const own = merge(model, await this.source.own(waiting), leaveOut);
    const { pools, listeners } = await this.source.dynamic();
    const bindable = await this.#bindable(listeners, own, leaveOut);
    const merged = withNamedPools(merge(own, { pools, listeners: bindable }, leaveOut), this.#usual);
    return {
      model: this.source.isComplete
        ? merged
        : { ...merged, incomplete: "the control plane has not told everything yet" },
      serves: () => {
        this.#told = told;
        this.source.serves();
        this.source.addresses.serves(merged.listeners, own);
      },
    };
  }

  /** Without listeners whose address somebody else has got meanwhile, which would keep everything else out of service. */
  async #bindable(
    listeners: Dynamic["listeners"],
    own: Model,
    leaveOut: LeaveOut,
  ): Promise<Dynamic["listeners"]> {
    const free: MappedListener[] = [];
    for (const mapped of listeners) {
      const fault = await this.source.addresses.faultOf(mapped.listener, own);
      if (fault === undefined) free.push(mapped);
      else leaveOut(`listener ${mapped.listener.name}`, fault);
    }
    return free;
  }
}
