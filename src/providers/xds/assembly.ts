import type { Pool } from "../../model/pool.ts";
import type { Mapping } from "../envoy/map/context.ts";
import type { MappedListener } from "../envoy/map/listeners.ts";
import type { Node } from "../envoy/node.ts";
import type { ProviderLogger } from "../provider.ts";
import { sortFindings, type UnknownParts } from "./faults.ts";
import { type MappedResource, MappedResources } from "./mapped.ts";

/** All that a control plane has sent and that can be served, in parts of a model. */
export interface Dynamic {
  readonly pools: readonly Pool[];
  readonly listeners: readonly MappedListener[];
}

/** A resource that is to be served. */
export interface Wanted {
  readonly name: string;
  readonly node: Node;
}

/** The state of one name. */
interface Standing<T> {
  /** The version that was served last; undefined: none was. */
  served: T | undefined;
  /** Since when it waits for something, by performance.now(); undefined: it does not. */
  since: number | undefined;
  /** The last message about it. */
  said: string;
}

/** Whose resources they are: the configuration's own, which wait for others, or those of control planes. */
type Owner = "own" | "dynamic";

interface Standings {
  readonly cluster: Map<string, Standing<Pool>>;
  readonly listener: Map<string, Standing<MappedListener>>;
}

const standings = (): Standings => ({ cluster: new Map(), listener: new Map() });

/**
 * Puts resources together to what is served. One that waits for its routes or its secrets leaves in service what was served
 * under its name before. After a while it is served without them: requests get 404, and connections that need a secret are
 * closed. One that has a fault together with others leaves in service what was served before, too.
 */
export class Assembly {
  readonly #clusters = MappedResources.clusters();
  readonly #listeners = MappedResources.listeners();
  readonly #standing: Readonly<Record<Owner, Standings>> = { own: standings(), dynamic: standings() };
  readonly #mapping: Mapping;
  readonly #unknown: UnknownParts;
  readonly #patience: number;
  readonly #late: () => void;
  readonly #logger: ProviderLogger | undefined;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param patience how long it waits for what a resource needs, in milliseconds.
   * @param late is called when something has waited for so long.
   */
  constructor(
    mapping: Mapping,
    unknown: UnknownParts,
    patience: number,
    late: () => void,
    logger: ProviderLogger | undefined,
  ) {
    this.#mapping = mapping;
    this.#unknown = unknown;
    this.#patience = patience;
    this.#late = late;
    this.#logger = logger;
  }

  /**
   * Maps a resource to find its faults; it is kept for when it is put together.
   * @param lookups find resources in place of the usual ones.
   */
  findingsOf(
    kind: "cluster" | "listener",
    node: Node,
    lookups?: Pick<Mapping, "routes">,
  ): Promise<MappedResource<unknown>> {
    const mapped = kind === "cluster" ? this.#clusters : this.#listeners;
    return mapped.of(node, { ...this.#mapping, ...lookups }, false);
  }

  /** @param owner of all these resources. */
  async put(owner: Owner, clusters: Iterable<Wanted>, listeners: Iterable<Wanted>): Promise<Dynamic> {
    const { cluster, listener } = this.#standing[owner];
    const pools = await this.#all("cluster", clusters, this.#clusters, cluster);
    const put = { pools, listeners: await this.#all("listener", listeners, this.#listeners, listener) };
    this.#wake();
    return put;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  async #all<T>(
    kind: string,
    wanted: Iterable<Wanted>,
    mapped: MappedResources<T>,
    standing: Map<string, Standing<T>>,
  ): Promise<readonly T[]> {
    const served: T[] = [];
    const left = new Set(standing.keys());
    for (const { name, node } of wanted) {
      left.delete(name);
      const stands = standing.get(name) ?? { served: undefined, since: undefined, said: "" };
      standing.set(name, stands);
      await this.#renew(kind, name, node, mapped, stands).catch((error: Error) =>
        this.#say(stands, kind, name, `can't be read: ${error.message}`),
      );
      if (stands.served !== undefined) served.push(stands.served);
    }
    for (const name of left) standing.delete(name);
    return served;
  }

  /** With a fault it stays as it was served last: without the part that has it, a guard might be missing. */
  async #renew<T>(
    kind: string,
    name: string,
    node: Node,
    mapped: MappedResources<T>,
    stands: Standing<T>,
  ): Promise<void> {
    const isLate = stands.since !== undefined && performance.now() - stands.since >= this.#patience;
    const { value, missing, findings, sources } = await mapped.of(node, this.#mapping, isLate);
    if (missing.length === 0) stands.since = undefined;
    else stands.since ??= performance.now();
    if (missing.length > 0 && !isLate) return this.#say(stands, kind, name, "");
    const [faults] = sortFindings(findings, sources, this.#unknown);
    if (faults.length === 0) stands.served = value ?? stands.served;
    this.#say(stands, kind, name, [...missing.map((what) => `${what} is missing`), ...faults].join("; "));
  }

  /** Each fault once. */
  #say<T>(stands: Standing<T>, kind: string, name: string, cause: string): void {
    if (cause !== "" && cause !== stands.said)
      this.#logger?.warn({ [kind]: name, cause }, `a ${kind} can't be served whole`);
    stands.said = cause;
  }

  /** At the time at which the next one has waited long enough. */
  #wake(): void {
    clearTimeout(this.#timer);
    const now = performance.now();
    let next = Number.POSITIVE_INFINITY;
    for (const all of Object.values(this.#standing).flatMap((owned) => Object.values(owned)))
      for (const { since = Number.NEGATIVE_INFINITY } of all.values())
        if (since + this.#patience > now) next = Math.min(next, since + this.#patience);
    if (next < Number.POSITIVE_INFINITY) this.#timer = setTimeout(this.#late, next - now + 1).unref();
  }
}
