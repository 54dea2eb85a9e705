import { setTimeout as sleep } from "node:timers/promises";
import type { Mapping } from "../envoy/map/context.ts";
import type { Node } from "../envoy/node.ts";
import type { ControlPlaneReading } from "../provider.ts";
import { Addresses } from "./addresses.ts";
import { Assembly, type Dynamic, type Wanted } from "./assembly.ts";
import type { CacheFile } from "./cache.ts";
import { Caching } from "./caching.ts";
import type { Carrier } from "./carrier.ts";
import { StreamClient } from "./client.ts";
import type { EndpointBoard } from "./endpoints.ts";
import type { UnknownParts } from "./faults.ts";
import { type Found, judgeResource } from "./judge.ts";
import { News } from "./news.ts";
import type { Origin } from "./origins.ts";
import { OwnResources } from "./own-resources.ts";
import { Places, type Whereabouts } from "./places.ts";
import { type Change, type Judge, type Kind, kinds, type Resource } from "./resources.ts";
import { readingsOf } from "./stats.ts";
import { type Asked, Wants } from "./wants.ts";

/** Time until listeners are judged again whose addresses were taken, in milliseconds. */
const again = 30_000;
/** Different warnings about resources that are told. */
const mostWarnings = 1_000;

export interface SourceOptions extends Whereabouts {
  /** Of what the configuration itself has. */
  readonly mapping: Mapping;
  /** Whether a start waits for the first complete set, and how long, in milliseconds. */
  readonly initial: "wait" | "serve";
  readonly initialTimeout: number;
  readonly unknown: UnknownParts;
  readonly cache: CacheFile | undefined;
  /** Gets the backends of clusters that ask for them by name. */
  readonly board: EndpointBoard;
}

/** All that comes from control planes and from files that are followed. */
export class XdsSource {
  readonly addresses = new Addresses();
  readonly #options: SourceOptions;
  readonly #places: Places;
  readonly #wants = new Wants();
  readonly #own: OwnResources;
  readonly #assembly: Assembly;
  readonly #mapping: Mapping;
  readonly #caching: Caching | undefined;
  /** That something else is to be served. */
  readonly news = new News();
  readonly #complete = Promise.withResolvers<void>();
  readonly #warned = new Set<string>();
  #isComplete = false;
  #restored = false;
  #started = false;
  #again: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: SourceOptions) {
    const { mapping, initialTimeout, logger, cache, unknown } = options;
    this.#options = options;
    this.#places = new Places(options, {
      judgeOf: (origin) => this.#judgeOf(origin),
      taken: (...change) => this.#taken(...change),
      looked: () => this.#look(),
    });
    this.#mapping = {
      ...mapping,
      isDynamic: true,
      routes: (name) => this.#find("routes", name)?.node,
      secret: (name) => mapping.secret(name) ?? this.#find("secret", name)?.node,
      endpoints: (service) => this.#find("endpoints", service)?.endpoints?.traits,
    };
    this.#assembly = new Assembly(this.#mapping, unknown, initialTimeout, () => this.news.tell(), logger);
    this.#own = new OwnResources((origin) => this.#places.faultOf(origin) === undefined);
    this.#caching = cache && new Caching(cache, () => this.carriers, logger);
  }

  /** Begins to ask, after what was kept over a restart was read. */
  async start(): Promise<void> {
    const { roots } = this.#options;
    for (const kind of ["cluster", "listener"] as const)
      if (roots[kind] !== undefined) this.#places.at(roots[kind], kind);
    await this.#restore();
    this.#started = true;
    for (const carrier of this.carriers.values()) carrier.start();
    if (!this.#stopped) this.#again = setInterval(() => void this.lookAgain(), again).unref();
    this.#look();
  }

  /** Addresses that listeners were refused for may be free by now. */
  async lookAgain(): Promise<void> {
    await Promise.all([...this.carriers.values()].map((carrier) => carrier.again()));
  }

  /** Waits for the first complete set, for a while. All that came until then is no news. */
  async ready(): Promise<void> {
    const { initial, initialTimeout, logger } = this.#options;
    if (initial === "wait") {
      const late = sleep(initialTimeout, "late" as const, { ref: false });
      const waits = { control_planes: this.names, at_most_ms: initialTimeout };
      if (!this.isComplete) logger?.info(waits, "waiting for the first complete set of the control plane");
      if ((await Promise.race([this.#complete.promise, late])) === "late")
        logger?.warn(
          waits,
          "the first set of the control plane is not complete in time; what there is is served",
        );
    }
    this.news.forget();
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.news.stop();
    clearInterval(this.#again);
    this.#assembly.stop();
    this.#caching?.stop();
    this.#places.stop();
  }

  /** Addresses of control planes, and paths of files, for people. */
  get names(): readonly string[] {
    return this.#places.names;
  }

  /** The listeners and clusters of a configuration that name resources of control planes, and so wait for those. */
  waitingIn(configuration: Parameters<OwnResources["waitingIn"]>[0]): ReadonlySet<Node> {
    return this.#own.waitingIn(configuration);
  }

  /** These of the configuration's own resources are served from now on: what they name is asked for. */
  follow(waiting: ReadonlySet<Node>): void {
    this.#ask(this.#wants.replace(...this.#own.follow(waiting)));
  }

  /** Whether the first set is complete, or there is one from before. */
  get isComplete(): boolean {
    return this.#isComplete || this.#restored;
  }

  /** The part of it that is to be served now. */
  dynamic(): Promise<Dynamic> {
    return this.#assembly.put("dynamic", this.#served("cluster"), this.#served("listener"));
  }

  /** The resources of the configuration itself that wait for others, as far as they are to be served now. */
  own(waiting: ReadonlySet<Node>): Promise<Dynamic> {
    const named = (kind: "Cluster" | "Listener"): Wanted[] =>
      [...waiting].filter((node) => node.kind === kind).map((node) => ({ name: node.text("name"), node }));
    return this.#assembly.put("own", named("Cluster"), named("Listener"));
  }

  /** The parts that were put together last are served from now on. */
  serves(): void {
    this.#assembly.serves();
  }

  /** How it stands with each place. */
  readings(): readonly ControlPlaneReading[] {
    return readingsOf(this.carriers);
  }

  /** Where resources come from, by place. */
  get carriers(): ReadonlyMap<string, Carrier> {
    return this.#places.carriers;
  }

  /** Every resource of a kind, with those that were refused since. */
  *resources(kind: Kind): Generator<{
    readonly origin: string;
    readonly resource: Resource;
    readonly refused: string | undefined;
  }> {
    for (const [origin, { resources }] of this.carriers) {
      const { good, refused } = resources.get(kind) ?? { good: [], refused: new Map() };
      for (const [name, resource] of good) yield { origin, resource, refused: refused.get(name)?.reason };
    }
  }

  *#served(kind: "cluster" | "listener"): Generator<Wanted> {
    for (const { name, node } of this.#good(kind)) yield { name, node: node! };
  }

  #good(kind: "cluster" | "listener"): Iterable<Resource> {
    return this.#places.root(kind)?.resources.get(kind)?.good.values() ?? [];
  }

  /** Maps the listeners that name these routes. Their warnings have been told. */
  async #findingsWith(name: string, routes: Node): Promise<Found[]> {
    const lookup: Mapping["routes"] = (each) => (each === name ? routes : this.#mapping.routes(each));
    const found: Found[] = [];
    for (const { node, references } of [...this.#own.followed, ...this.#good("listener")])
      if (references.some((each) => each.kind === "routes" && each.name === name)) {
        const { findings, sources } = await this.#assembly.findingsOf("listener", node!, { routes: lookup });
        found.push({ findings: findings.filter(({ severity }) => severity === "error"), sources });
      }
    return found;
  }

  #find(kind: Kind, name: string): Resource | undefined {
    for (const { resources } of this.carriers.values()) {
      const found = resources.get(kind)?.good.get(name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #judgeOf(origin: Origin): Judge {
    return (judged, received) =>
      judgeResource(judged, received, origin, {
        mapping: this.#mapping,
        findingsOf: (each, message) => this.#assembly.findingsOf(each, message),
        findingsWith: (name, routes) => this.#findingsWith(name, routes),
        faultOf: (other) => this.#places.faultOf(other),
        addresses: this.addresses,
        unknown: this.#options.unknown,
        warn: (...about) => this.#warn(...about),
      });
  }

  #taken(place: string, kind: Kind, changes: readonly Change[]): void {
    if (this.#stopped) return;
    this.#follow(changes);
    if (changes.length > 0) this.#caching?.changed();
    if (kind === "endpoints") this.#place(changes);
    else if (changes.length > 0 && (!kinds[kind].wildcard || this.#places.isRootOf(kind, place)))
      this.news.tell();
  }

  /** A cluster waits for its first endpoints, and hears of others by its pool's discovery. */
  #place(changes: readonly Change[]): void {
    if (changes.some(({ before, now }) => before?.endpoints?.traits !== now?.endpoints?.traits))
      this.news.tell();
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
      const carrier = this.#places.at(origin, kind);
      if (kind === "endpoints") for (const name of less) this.#options.board.set(name, undefined);
      carrier.ask(kind, more, less);
      if (this.#started) carrier.start();
    }
    for (const { origin, kind } of asked) this.#places.leave(origin, kind);
  }

  async #restore(): Promise<void> {
    const kept = (await this.#caching?.load()) ?? [];
    // Clusters and listeners first: they say which of the others are still wanted.
    const rank = (kind: Kind): number => (kinds[kind].wildcard ? 0 : 1);
    for (const each of kept.toSorted((a, b) => rank(a.kind) - rank(b.kind))) {
      const carrier = this.carriers.get(each.origin);
      const isWanted = kinds[each.kind].wildcard
        ? this.#places.isRootOf(each.kind, each.origin)
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
    const carriers = [...this.carriers.values()];
    this.#isComplete = carriers.every(({ complete }) => complete);
    // It is told that umay is ready now.
    if (this.#isComplete) this.news.tell();
    if (this.#isComplete || (this.#restored && carriers.some(({ unreachable }) => unreachable)))
      this.#complete.resolve();
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
