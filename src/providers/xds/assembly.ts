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

/** How it stands with one name. */
interface State<T> {
  /** The version that is served; undefined: none is. */
  readonly served: T | undefined;
  /** Since when it waits for something, by performance.now(); undefined: it does not. */
  readonly since: number | undefined;
}

interface Standing<T> {
  now: State<T>;
  /** As it was put together last, which may be proposed and not served; undefined: nobody wanted it then. */
  next: State<T> | undefined;
  /** The last message about it. */
  said: string;
}

/** Whose resources they are: the configuration's own, which wait for others, or those of control planes. */
type Owner = "own" | "dynamic";

interface Standings {
  readonly cluster: Map<string, Standing<Pool>>;
  readonly listener: Map<string, Standing<MappedListener>>;
}

/** Of a name that is new. */
const fresh = { served: undefined, since: undefined } as const;

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

  /** Nothing is served of it before {@link serves}. @param owner of all these resources. */
  async put(owner: Owner, clusters: Iterable<Wanted>, listeners: Iterable<Wanted>): Promise<Dynamic> {
    const { cluster, listener } = this.#standing[owner];
    const pools = await this.#all("cluster", clusters, this.#clusters, cluster);
    return { pools, listeners: await this.#all("listener", listeners, this.#listeners, listener) };
  }

  /** All that was put together last is served from now on. */
  serves(): void {
    for (const { cluster, listener } of Object.values(this.#standing)) {
      settle(cluster);
      settle(listener);
    }
    this.#wake();
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
    for (const stands of standing.values()) stands.next = undefined;
    for (const { name, node } of wanted) {
      const stands = standing.get(name) ?? { now: fresh, next: undefined, said: "" };
      standing.set(name, stands);
      stands.next = stands.now;
      await this.#renew(kind, name, node, mapped, stands).catch((error: Error) =>
        this.#say(stands, kind, name, `can't be read: ${error.message}`),
      );
      if (stands.next.served !== undefined) served.push(stands.next.served);
    }
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
    const { served, since } = stands.now;
    const isLate = since !== undefined && performance.now() - since >= this.#patience;
    const { value, missing, findings, sources } = await mapped.of(node, this.#mapping, isLate);
    const next = { served, since: missing.length === 0 ? undefined : (since ?? performance.now()) };
    stands.next = next;
    if (missing.length > 0 && !isLate) return this.#say(stands, kind, name, "");
    const [faults] = sortFindings(findings, sources, this.#unknown);
    if (faults.length === 0) stands.next = { ...next, served: value ?? served };
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
      for (const stands of all.values()) {
        const { since = Number.NEGATIVE_INFINITY } = stands.now;
        if (since + this.#patience > now) next = Math.min(next, since + this.#patience);
      }
    if (next < Number.POSITIVE_INFINITY) this.#timer = setTimeout(this.#late, next - now + 1).unref();
  }
}

/** The state that was put together last counts from now on; names that nobody wanted then are forgotten. */
function settle<T>(standing: Map<string, Standing<T>>): void {
  for (const [name, stands] of standing)
    if (stands.next === undefined) standing.delete(name);
    else stands.now = stands.next;
}
