import { setTimeout as sleep } from "node:timers/promises";
import type { XdsNode } from "../../model/xds.ts";
import type { Mapping } from "../envoy/map/context.ts";
import type { Node } from "../envoy/node.ts";
import type { ProviderLogger } from "../provider.ts";
import { Assembly, type Dynamic, type Wanted } from "./assembly.ts";
import type { CacheFile } from "./cache.ts";
import { Caching } from "./caching.ts";
import type { Carrier } from "./carrier.ts";
import { type ControlPlaneAddress, StreamClient } from "./client.ts";
import type { EndpointBoard } from "./endpoints.ts";
import type { UnknownParts } from "./faults.ts";
import { FileCarrier } from "./file-carrier.ts";
import { type Found, judgeResource } from "./judge.ts";
import { aggregated, methodOf, type Protocol } from "./messages.ts";
import { type Origin, referencesOf } from "./origins.ts";
import { type Change, type Judge, type Kind, kindNames, kinds, type Resource } from "./resources.ts";
import { type Asked, Wants } from "./wants.ts";

/** Changes within this time are one, in milliseconds. */
const together = 50;
/** Different warnings about resources that are told. */
const mostWarnings = 1_000;

export interface SourceOptions {
  /** Of what the configuration itself has. */
  readonly mapping: Mapping;
  readonly node: XdsNode;
  /** The control plane that is asked for all kinds over one stream; undefined: there is none. */
  readonly ads: { readonly servers: readonly ControlPlaneAddress[]; readonly protocol: Protocol } | undefined;
  /** Where all clusters, and all listeners, come from; undefined: none do. */
  readonly roots: Readonly<Record<"cluster" | "listener", Origin | undefined>>;
  /** Resources of the configuration itself, which may name others. */
  readonly own: readonly Node[];
  /** The servers that clusters of the configuration stand for. */
  readonly serversOf: (clusters: readonly string[], authority: string) => readonly ControlPlaneAddress[];
  /** Whether a start waits for the first complete set, and how long, in milliseconds. */
  readonly initial: "wait" | "serve";
  readonly initialTimeout: number;
  readonly unknown: UnknownParts;
  readonly cache: CacheFile | undefined;
  /** Gets the backends of clusters that ask for them by name. */
  readonly board: EndpointBoard;
  readonly logger?: ProviderLogger | undefined;
}

/** All that comes from control planes and from files that are followed. */
export class XdsSource {
  readonly #options: SourceOptions;
  readonly #carriers = new Map<string, Carrier>();
  readonly #wants = new Wants();
  /** Resources of the configuration itself, and those that they name. */
  readonly #own: readonly Pick<Resource, "node" | "references">[];
  readonly #assembly: Assembly;
  readonly #mapping: Mapping;
  readonly #caching: Caching | undefined;
  readonly #complete = Promise.withResolvers<void>();
  readonly #warned = new Set<string>();
  #isComplete = false;
  #restored = false;
  #started = false;
  #news: (() => void) | undefined;
  /** Something else is to be served, and nobody was told. */
  #isMissed = false;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: SourceOptions) {
    const { mapping, initialTimeout, logger, cache, unknown, own } = options;
    this.#options = options;
    this.#mapping = {
      ...mapping,
      isDynamic: true,
      routes: (name) => this.#find("routes", name)?.node,
      secret: (name) => mapping.secret(name) ?? this.#find("secret", name)?.node,
      endpoints: (service) => this.#find("endpoints", service)?.endpoints?.traits,
    };
    this.#assembly = new Assembly(this.#mapping, unknown, initialTimeout, () => this.#changed(), logger);
    this.#own = own.map((node) => ({
      node,
      references: referencesOf(node, {
        own: undefined,
        directory: mapping.directory,
        report: mapping.report,
      }),
    }));
    this.#caching = cache && new Caching(cache, () => this.#carriers, logger);
  }

  /** Begins to ask, after what was kept over a restart was read. */
  async start(): Promise<void> {
    const { roots } = this.#options;
    for (const kind of ["cluster", "listener"] as const)
      if (roots[kind] !== undefined) this.#carrierAt(roots[kind], kind);
    const named = this.#own.flatMap(({ references }) => references);
    const reachable = named.filter(({ origin }) => this.#faultOf(origin) === undefined);
    this.#ask(this.#wants.replace([], reachable));
    await this.#restore();
    this.#started = true;
    for (const carrier of this.#carriers.values()) carrier.start();
    this.#look();
  }

  /** Waits for the first complete set, for a while. All that came until then is no news. */
  async ready(): Promise<void> {
    const { initial, initialTimeout } = this.#options;
    const late = sleep(initialTimeout, undefined, { ref: false });
    if (initial === "wait") await Promise.race([this.#complete.promise, late]);
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isMissed = false;
  }

  /** @param news is called when something else is to be served: at once where that is so already. */
  listen(news: () => void): void {
    this.#news = news;
    if (this.#isMissed) news();
    this.#isMissed = false;
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#assembly.stop();
    this.#caching?.stop();
    for (const carrier of this.#carriers.values()) carrier.stop();
  }

  /** Finds what resources name, wherever it comes from. */
  get lookups(): Pick<Mapping, "routes" | "secret" | "endpoints"> {
    const { routes, secret, endpoints } = this.#mapping;
    return { routes, secret, endpoints };
  }

  /** Whether the first set is complete, or there is one from before. */
  get isComplete(): boolean {
    return this.#isComplete || this.#restored;
  }

  /** The part of it that is to be served now. */
  dynamic(): Promise<Dynamic> {
    return this.#assembly.put(this.#served("cluster"), this.#served("listener"));
  }

  /** Where resources come from, by place. */
  get carriers(): ReadonlyMap<string, Carrier> {
    return this.#carriers;
  }

  /** Every resource of a kind, with those that were refused since. */
  *resources(kind: Kind): Generator<{
    readonly origin: string;
    readonly resource: Resource;
    readonly refused: string | undefined;
  }> {
    for (const [origin, { resources }] of this.#carriers) {
      const { good, refused } = resources.get(kind) ?? { good: [], refused: new Map() };
      for (const [name, resource] of good) yield { origin, resource, refused: refused.get(name)?.reason };
    }
  }

  *#served(kind: "cluster" | "listener"): Generator<Wanted> {
    for (const { name, node } of this.#good(kind)) yield { name, node: node! };
  }

  #good(kind: "cluster" | "listener"): Iterable<Resource> {
    const origin = this.#options.roots[kind];
    const carrier = origin && this.#carriers.get(placeOf(origin, kind));
    return carrier?.resources.get(kind)?.good.values() ?? [];
  }

  /** Maps the listeners that name these routes. Their warnings have been told. */
  async #findingsWith(name: string, routes: Node): Promise<Found[]> {
    const lookup: Mapping["routes"] = (each) => (each === name ? routes : this.#mapping.routes(each));
    const found: Found[] = [];
    for (const { node, references } of [...this.#own, ...this.#good("listener")])
      if (references.some((each) => each.kind === "routes" && each.name === name)) {
        const { findings, sources } = await this.#assembly.findingsOf("listener", node!, { routes: lookup });
        found.push({ findings: findings.filter(({ severity }) => severity === "error"), sources });
      }
    return found;
  }

  #find(kind: Kind, name: string): Resource | undefined {
    for (const { resources } of this.#carriers.values()) {
      const found = resources.get(kind)?.good.get(name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #carrierAt(origin: Origin, kind: Kind): Carrier {
    const key = placeOf(origin, kind);
    const known = this.#carriers.get(key);
    if (known !== undefined) return known;
    const carrier = this.#carrierOf(origin, kind, key);
    this.#carriers.set(key, carrier);
    return carrier;
  }

  #carrierOf(origin: Origin, kind: Kind, key: string): Carrier {
    const { node, logger } = this.#options;
    const judge: Judge = (judged, received) =>
      judgeResource(judged, received, origin, {
        mapping: this.#mapping,
        findingsOf: (each, message) => this.#assembly.findingsOf(each, message),
        findingsWith: (name, routes) => this.#findingsWith(name, routes),
        faultOf: (other) => this.#faultOf(other),
        unknown: this.#options.unknown,
        warn: (...about) => this.#warn(...about),
      });
    const taken = (changed: Kind, changes: readonly Change[]): void => this.#taken(key, changed, changes);
    const events = { judge, logger, taken, looked: () => this.#look() };
    if (origin.type === "file") return new FileCarrier({ ...events, path: origin.path });
    const isAds = origin.type === "ads";
    const { servers, protocol } = isAds
      ? this.#options.ads!
      : { servers: this.#serversAt(origin), protocol: origin.protocol };
    const method = isAds ? aggregated(protocol) : methodOf(kind, protocol);
    return new StreamClient({
      ...events,
      servers,
      protocol,
      method,
      kinds: isAds ? kindNames : [kind],
      isRoot: (each) => this.#isRoot(each, key),
      node: { ...node },
    });
  }

  #serversAt(origin: Origin): readonly ControlPlaneAddress[] {
    return origin.type === "stream" ? this.#options.serversOf(origin.clusters, origin.authority) : [];
  }

  /** Why nobody can be asked there; undefined: somebody can. */
  #faultOf(origin: Origin): string | undefined {
    if (origin.type === "ads" && this.#options.ads === undefined) return "there is no ads_config";
    return origin.type === "stream" && this.#serversAt(origin).length === 0
      ? `no static cluster with endpoints is named ${origin.clusters.join(" or ")}`
      : undefined;
  }

  #isRoot(kind: Kind, place: string): boolean {
    if (kind !== "cluster" && kind !== "listener") return false;
    const origin = this.#options.roots[kind];
    return origin !== undefined && placeOf(origin, kind) === place;
  }

  #taken(place: string, kind: Kind, changes: readonly Change[]): void {
    if (this.#stopped) return;
    this.#follow(changes);
    if (changes.length > 0) this.#caching?.changed();
    if (kind === "endpoints") this.#place(changes);
    else if (changes.length > 0 && (!kinds[kind].wildcard || this.#isRoot(kind, place))) this.#changed();
  }

  /** A cluster waits for its first endpoints, and hears of others by its pool's discovery. */
  #place(changes: readonly Change[]): void {
    if (changes.some(({ before, now }) => before?.endpoints?.traits !== now?.endpoints?.traits))
      this.#changed();
    for (const { name, now } of changes) this.#options.board.set(name, now?.endpoints);
  }

  /** Resources that came may name others. */
  #follow(changes: readonly Change[]): void {
    const before = changes.flatMap((change) => change.before?.references ?? []);
    const now = changes.flatMap((change) => change.now?.references ?? []);
    this.#ask(this.#wants.replace(before, now));
  }

  #ask(asked: readonly Asked[]): void {
    for (const { origin, kind, more, less } of asked) {
      const carrier = this.#carrierAt(origin, kind);
      if (kind === "endpoints") for (const name of less) this.#options.board.set(name, undefined);
      carrier.ask(kind, more, less);
      if (this.#started) carrier.start();
    }
  }

  async #restore(): Promise<void> {
    const kept = (await this.#caching?.load()) ?? [];
    // Clusters and listeners first: they say which of the others are still wanted.
    const rank = (kind: Kind): number => (kinds[kind].wildcard ? 0 : 1);
    for (const each of kept.toSorted((a, b) => rank(a.kind) - rank(b.kind))) {
      const carrier = this.#carriers.get(each.origin);
      const isWanted = kinds[each.kind].wildcard
        ? this.#isRoot(each.kind, each.origin)
        : carrier?.resources.get(each.kind)?.wanted.has(each.name) === true;
      if (!(carrier instanceof StreamClient) || !isWanted) continue;
      const change = await carrier.restore(each.kind, each);
      if (change === undefined) continue;
      this.#restored = true;
      this.#follow([change]);
      if (each.kind === "endpoints") this.#options.board.set(each.name, change.now?.endpoints);
    }
  }

  /** The first set may be complete; or nobody can be asked, and there is one from before. */
  #look(): void {
    if (this.#isComplete) return;
    const carriers = [...this.#carriers.values()];
    this.#isComplete = carriers.every(({ complete }) => complete);
    // It is told that umay is ready now.
    if (this.#isComplete) this.#changed();
    if (this.#isComplete || (this.#restored && carriers.some(({ unreachable }) => unreachable)))
      this.#complete.resolve();
  }

  #changed(): void {
    if (this.#stopped) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (this.#news === undefined) this.#isMissed = true;
      else this.#news();
    }, together);
  }

  #warn(kind: Kind, name: string, warnings: readonly string[]): void {
    const fresh = warnings.filter((warning) => !this.#warned.has(warning));
    for (const warning of fresh) if (this.#warned.size < mostWarnings) this.#warned.add(warning);
    if (fresh.length > 0)
      this.#options.logger?.warn(
        { [kind]: name, warnings: fresh },
        "parts of a resource have no effect here",
      );
  }
}

/** The place of a carrier: streams for one kind stand apart. */
const placeOf = (origin: Origin, kind: Kind): string =>
  origin.type === "stream" ? `${origin.key}:${kind}` : origin.key;
