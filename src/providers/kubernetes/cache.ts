import { isDeepStrictEqual } from "node:util";
import type { Keep } from "./client/follower.ts";
import { type KindName, kinds } from "./client/kinds.ts";
import type { EndpointSlice } from "./core.ts";
import type { KubeObject } from "./meta.ts";
import type { Cluster } from "./objects.ts";
import type { PresentStatus } from "./status/present.ts";
import type { Json } from "./status/stamp.ts";

const serviceLabel = "kubernetes.io/service-name";

/** Kinds whose status umay writes. */
const ownKinds: ReadonlySet<KindName> = new Set([
  "gatewayClasses",
  "gateways",
  "listenerSets",
  "httpRoutes",
  "grpcRoutes",
  "tlsRoutes",
  "tcpRoutes",
  "backendTlsPolicies",
  "ingresses",
]);

interface CacheEvents {
  /** Another state of the cluster is known. EndpointSlices are no part of it: {@link Cache.onSlices} tells of them. */
  changed(): void;
  /** An object has another status. @param id `Kind/namespace/name`. */
  status(id: string): void;
}

type Maps = Readonly<Record<KindName, Map<string, KubeObject>>>;

/** The objects that umay knows, and who is to hear of changes. */
export class Cache {
  /** An object that did not change stays the same one. Those whose status umay writes have none. */
  readonly cluster: Cluster;
  /** By `Kind/namespace/name`, or `Kind/name`. */
  readonly statuses = new Map<string, PresentStatus>();
  readonly #maps: Maps;
  readonly #events: CacheEvents;
  /** Keys of EndpointSlices, by `namespace/name` of their Service. */
  readonly #slicesOf = new Map<string, Set<string>>();
  readonly #onSlices = new Map<string, Set<() => void>>();

  constructor(events: CacheEvents) {
    this.#events = events;
    this.#maps = Object.fromEntries(Object.keys(kinds).map((name) => [name, new Map()])) as unknown as Maps;
    this.cluster = this.#maps as unknown as Cluster;
  }

  /** Where objects of a kind are kept. @param wants whether an object is of use. */
  keep(kind: KindName, wants: (key: string) => boolean = () => true): Keep {
    return {
      wants,
      put: (key, object) => this.#set(kind, key, object),
      remove: (key) => this.#set(kind, key, undefined),
    };
  }

  /** The EndpointSlices of a Service. @param service `namespace/name`. */
  slicesOf(service: string): readonly EndpointSlice[] {
    const { endpointSlices } = this.cluster;
    return [...(this.#slicesOf.get(service) ?? [])].map((key) => endpointSlices.get(key)!);
  }

  /** Calls `changed` at each change of a Service or of its EndpointSlices, until `signal` aborts. */
  onSlices(service: string, changed: () => void, signal: AbortSignal): void {
    const all = this.#onSlices.get(service) ?? new Set();
    this.#onSlices.set(service, all.add(changed));
    const end = (): void => {
      all.delete(changed);
      if (all.size === 0 && this.#onSlices.get(service) === all) this.#onSlices.delete(service);
    };
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  }

  #set(kind: KindName, key: string, object: KubeObject | undefined): void {
    const map = this.#maps[kind];
    const before = map.get(key);
    const isOwn = ownKinds.has(kind);
    const after = isOwn ? this.#split(kind, key, object) : object;
    if (isOwn && after !== undefined && before !== undefined && isSame(before, after)) return;
    if (after === undefined) map.delete(key);
    else map.set(key, after);
    if (kind === "endpointSlices") this.#changedSlice(key, before, after);
    else this.#events.changed();
    // Slices may be known before their Service is: only it names its ports.
    if (kind === "services") this.#tellOf(key);
  }

  /** Keeps the status of an object apart. @returns the rest of it. */
  #split(kind: KindName, key: string, object: KubeObject | undefined): KubeObject | undefined {
    const id = `${kinds[kind].kind}/${key}`;
    if (object === undefined) {
      this.statuses.delete(id);
      return undefined;
    }
    const { status = {}, ...rest } = object as KubeObject & { readonly status?: Json };
    const { namespace, name, uid, resourceVersion = "" } = object.metadata;
    // A stand-in for an object that umay may not read is none of the server's.
    if (uid !== undefined) {
      this.statuses.set(id, { kind, namespace, name, uid, resourceVersion, status });
      this.#events.status(id);
    }
    // Replicas have to agree on the addresses that Gateways have.
    return kind === "gateways"
      ? ({ ...rest, status: { addresses: status["addresses"] } } as KubeObject)
      : rest;
  }

  /** Its label may name another Service than before. */
  #changedSlice(key: string, before: KubeObject | undefined, after: KubeObject | undefined): void {
    const [old, now] = [serviceOf(before), serviceOf(after)];
    if (old !== undefined && old !== now) {
      const keys = this.#slicesOf.get(old);
      keys?.delete(key);
      if (keys?.size === 0) this.#slicesOf.delete(old);
    }
    if (now !== undefined) this.#slicesOf.set(now, (this.#slicesOf.get(now) ?? new Set()).add(key));
    for (const service of new Set([old, now])) this.#tellOf(service ?? "");
  }

  #tellOf(service: string): void {
    for (const changed of this.#onSlices.get(service) ?? []) changed();
  }
}

/** Whether only the status of an object has changed: its specification is counted, its labels and annotations are not. */
function isSame(before: KubeObject, after: KubeObject): boolean {
  const { generation, uid } = before.metadata;
  return (
    generation !== undefined &&
    generation === after.metadata.generation &&
    uid === after.metadata.uid &&
    before.metadata.deletionTimestamp === after.metadata.deletionTimestamp &&
    isDeepStrictEqual(addressesOf(before), addressesOf(after)) &&
    isDeepStrictEqual(before.metadata.labels, after.metadata.labels) &&
    isDeepStrictEqual(before.metadata.annotations, after.metadata.annotations)
  );
}

const addressesOf = (object: KubeObject): unknown =>
  (object as { readonly status?: { readonly addresses?: unknown } }).status?.addresses;

function serviceOf(slice: KubeObject | undefined): string | undefined {
  const name = slice?.metadata.labels?.[serviceLabel];
  return name === undefined ? undefined : `${slice!.metadata.namespace}/${name}`;
}
