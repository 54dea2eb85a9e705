import { isDeepStrictEqual } from "node:util";
import type { Backend } from "../../model/backend.ts";
import type { KubernetesSettings } from "../../model/kubernetes.ts";
import type { EndpointsDiscovery } from "../../model/pool.ts";
import type { ProviderLogger } from "../provider.ts";
import { Cache } from "./cache.ts";
import type { Api, ApiError } from "./client/api.ts";
import { Bucket } from "./client/bucket.ts";
import { Follower, type FollowTimes, usualTimes } from "./client/follower.ts";
import { collectionPath, type KindName, kinds } from "./client/kinds.ts";
import { Pace } from "./client/pace.ts";
import { standIns } from "./stand-ins.ts";
import { backendsOf } from "./translate/endpoints.ts";
import { Troubles } from "./troubles.ts";

/** Lists of a kind a second, in the long run and at once after a pause; more where it is followed in many namespaces. */
const reads = { perSecond: 2, burst: 20 } as const;
/** Requests of all kinds and namespaces that are made again: so many fail a second, and at once after a pause. */
const retries = { perSecond: 1.25, burst: 10 } as const;
/** Kinds that go first among them. */
const urgent: readonly KindName[] = ["endpointSlices", "services"];
/** Kinds of which only objects that others name are of use. */
const named = ["secrets", "configMaps"] as const;
type Named = (typeof named)[number];
/** Kinds that are of no use where no Ingress is served. */
const ofIngresses = ["ingresses", "ingressClasses"] as const;

/** A refusal is believed when it comes so often in a row: a server that has just started does not know all rights yet. */
const refusalsBelieved = 4;

export interface SourceOptions {
  readonly api: Api;
  readonly settings: KubernetesSettings;
  readonly logger: ProviderLogger;
  /** Called at each change of what is to be translated. */
  readonly changed: () => void;
  /** Called when an object may have another status. */
  readonly status: (id: string) => void;
  readonly times?: Partial<FollowTimes>;
  /** Refusals in a row until one is believed. Default: 4, which come within some seconds. */
  readonly refusalsBelieved?: number;
}

/** Follows all that umay reads of a cluster. */
export class ClusterSource {
  readonly cache: Cache;
  readonly troubles: Troubles;
  readonly #options: SourceOptions;
  /** Each kind has its own: endpoints don't wait for others. */
  readonly #paces = new Map<KindName, { readonly pace: Pace; followers: number }>();
  readonly #retries = new Bucket(retries.perSecond, retries.burst);
  /** Since when the server has not answered anybody, by performance.now(); undefined: it answered last. */
  #awaySince: number | undefined;
  readonly #followers: Follower[] = [];
  /** The followers of secrets and config maps, by kind and namespace. */
  readonly #ofNamed = new Map<string, Follower>();
  readonly #wanted: Record<Named, ReadonlySet<string>> = { secrets: new Set(), configMaps: new Set() };
  /** The lists that have had no answer yet, with their kinds. */
  readonly #unsettled = new Map<string, KindName>();
  /** How often each of them was refused. */
  readonly #refusals = new Map<string, number>();
  #settled = Promise.withResolvers<void>();
  readonly #endpointsKnown = Promise.withResolvers<void>();

  constructor(options: SourceOptions) {
    const { api, settings, logger, changed, status } = options;
    this.#options = options;
    this.cache = new Cache({ changed, status });
    this.troubles = new Troubles(logger, api.server);
    const scopes = settings.namespaces.length === 0 ? [undefined] : settings.namespaces;
    const without: readonly KindName[] = [...named, ...(settings.ingressClass === "" ? ofIngresses : [])];
    const all = (Object.keys(kinds) as KindName[]).filter((kind) => !without.includes(kind));
    const own = settings.namespaces.length === 0 ? all : all.filter((kind) => kinds[kind].namespaced);
    if (settings.namespaces.length > 0)
      for (const [kind, object] of standIns(settings))
        this.cache.keep(kind).put(object.metadata.name, object);
    for (const kind of own) for (const scope of scopes) this.#followers.push(this.#follow(kind, scope));
    this.#followOwnService(settings);
  }

  /** The Service in front of umay is for its addresses alone, where its namespace is not one of those that are read. */
  #followOwnService({ namespaces, service, status }: KubernetesSettings): void {
    const [namespace = "", name = ""] = service?.split("/") ?? [];
    if (service === undefined || !status || namespaces.length === 0 || namespaces.includes(namespace)) return;
    const only = { wants: (key: string) => key === service, fieldSelector: `metadata.name=${name}` };
    this.#followers.push(this.#follow("services", namespace, only));
  }

  /** Whether everything was known once, or refused. */
  get complete(): boolean {
    return this.#unsettled.size === 0;
  }

  /** Resolves when it is complete. */
  get completed(): Promise<void> {
    return this.complete ? Promise.resolve() : this.#settled.promise;
  }

  /**
   * Only these secrets and config maps are kept, by `namespace/name`.
   * @returns whether there are new ones among them.
   */
  want(secrets: ReadonlySet<string>, configMaps: ReadonlySet<string>): boolean {
    const more = this.#want("secrets", secrets);
    return this.#want("configMaps", configMaps) || more;
  }

  /**
   * The backends of a Service, as `EndpointsDiscovery` has it.
   * @param changed called when there may be others, until `signal` aborts.
   * @returns gives the present ones; undefined: they are not known yet.
   */
  endpoints(
    { service, port }: EndpointsDiscovery,
    changed: () => void,
    signal: AbortSignal,
  ): () => readonly Backend[] | undefined {
    this.cache.onSlices(service, changed, signal);
    if (!this.#knowsEndpoints) void this.#endpointsKnown.promise.then(changed);
    return () => (this.#knowsEndpoints ? this.#backendsOf(service, port) : undefined);
  }

  stop(): void {
    for (const follower of [...this.#followers, ...this.#ofNamed.values()]) follower.stop();
    this.#options.api.close();
  }

  #want(kind: Named, wanted: ReadonlySet<string>): boolean {
    const before = this.#wanted[kind];
    if (isDeepStrictEqual(wanted, before)) return false;
    this.#wanted[kind] = wanted;
    const [was, is] = [byNamespace(before), byNamespace(wanted)];
    for (const namespace of was.keys())
      if (!is.has(namespace)) {
        this.#ofNamed.get(`${kind} ${namespace}`)?.forget();
        this.#ofNamed.delete(`${kind} ${namespace}`);
        this.#paceOf(kind, -1);
        this.troubles.forget(whatOf(kind, namespace));
        this.#settle(whatOf(kind, namespace));
      }
    for (const [namespace, names] of is) {
      const follower = this.#ofNamed.get(`${kind} ${namespace}`);
      if (follower === undefined)
        this.#ofNamed.set(
          `${kind} ${namespace}`,
          this.#follow(kind, namespace, { wants: (key) => this.#wanted[kind].has(key) }),
        );
      else if (!isDeepStrictEqual(names, was.get(namespace))) follower.again();
    }
    return [...wanted].some((key) => !before.has(key));
  }

  #follow(
    kind: KindName,
    namespace: string | undefined,
    only: { readonly wants?: (key: string) => boolean; readonly fieldSelector?: string } = {},
  ): Follower {
    const { api, times } = this.#options;
    const what = whatOf(kind, namespace);
    if (this.complete) this.#settled = Promise.withResolvers();
    this.#unsettled.set(what, kind);
    return new Follower({
      api,
      pace: this.#paceOf(kind, 1),
      retries: this.#retries,
      isUrgent: urgent.includes(kind),
      path: collectionPath(kinds[kind], namespace),
      fieldSelector: only.fieldSelector ?? kinds[kind].fieldSelector,
      keep: this.cache.keep(kind, only.wants),
      tell: (problem) => {
        this.troubles.tell(what, problem);
        this.#hurry(problem);
        if (problem === undefined || this.#isFinal(what, problem)) this.#settle(what);
      },
      ...(times !== undefined && { times }),
    });
  }

  /** @param more followers than before. */
  #paceOf(kind: KindName, more: number): Pace {
    const own = this.#paces.get(kind) ?? { pace: new Pace(reads.perSecond, reads.burst), followers: 0 };
    this.#paces.set(kind, own);
    own.followers += more;
    own.pace.shareBy(own.followers);
    return own.pace;
  }

  /** A server that is back after a while is asked by all, not only by the one whose turn it was. */
  #hurry(problem: ApiError | undefined): void {
    const now = performance.now();
    if (problem !== undefined) {
      if (problem.status === 0 || problem.status >= 500) this.#awaySince ??= now;
      return;
    }
    const away = now - (this.#awaySince ?? now);
    this.#awaySince = undefined;
    if (away < (this.#options.times?.brief ?? usualTimes.brief)) return;
    for (const follower of [...this.#followers, ...this.#ofNamed.values()]) follower.hurry();
  }

  /** Whether it will be the same again, unless somebody does something about it. */
  #isFinal(what: string, { status }: ApiError): boolean {
    if (status !== 403) return status === 404;
    const refusals = (this.#refusals.get(what) ?? 0) + 1;
    this.#refusals.set(what, refusals);
    return refusals >= (this.#options.refusalsBelieved ?? refusalsBelieved);
  }

  #settle(what: string): void {
    this.#refusals.delete(what);
    if (!this.#unsettled.delete(what)) return;
    if (this.#knowsEndpoints) this.#endpointsKnown.resolve();
    if (this.complete) this.#settled.resolve();
  }

  /** Whether all Services and EndpointSlices are known, as far as umay may read them. */
  get #knowsEndpoints(): boolean {
    return !this.#unsettled.values().some((kind) => kind === "endpointSlices" || kind === "services");
  }

  #backendsOf(key: string, port: string): readonly Backend[] {
    const service = this.cache.cluster.services.get(key);
    const found = service?.spec?.ports?.find(({ name = "" }) => name === port);
    return service === undefined || found === undefined
      ? []
      : backendsOf(service, found, this.cache.slicesOf(key));
  }
}

const whatOf = (kind: KindName, namespace: string | undefined): string =>
  namespace === undefined ? kinds[kind].plural : `${kinds[kind].plural} of ${namespace}`;

function byNamespace(keys: ReadonlySet<string>): ReadonlyMap<string, ReadonlySet<string>> {
  const groups = Map.groupBy(keys, (key) => key.slice(0, key.indexOf("/")));
  return new Map(groups.entries().map(([namespace, group]) => [namespace, new Set(group)]));
}
