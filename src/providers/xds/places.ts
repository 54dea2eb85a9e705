import type { XdsNode } from "../../model/xds.ts";
import type { ProviderLogger } from "../provider.ts";
import type { Carrier } from "./carrier.ts";
import { type ControlPlaneAddress, StreamClient } from "./client.ts";
import { FileCarrier } from "./file-carrier.ts";
import { aggregated, methodOf, type Protocol } from "./messages.ts";
import type { Origin } from "./origins.ts";
import { type Change, type Judge, type Kind, kindNames } from "./resources.ts";

/** Where control planes are. */
export interface Whereabouts {
  readonly node: XdsNode;
  /** The control plane that is asked for all kinds over one stream; undefined: there is none. */
  readonly ads: { readonly servers: readonly ControlPlaneAddress[]; readonly protocol: Protocol } | undefined;
  /** Where all clusters, and all listeners, come from; undefined: none do. */
  readonly roots: Readonly<Record<"cluster" | "listener", Origin | undefined>>;
  /** The servers that clusters of the configuration stand for. */
  readonly serversOf: (clusters: readonly string[], authority: string) => readonly ControlPlaneAddress[];
  readonly logger?: ProviderLogger | undefined;
}

/** Judges what comes from a place, and is told of it. */
export interface PlaceEvents {
  judgeOf(origin: Origin): Judge;
  taken(place: string, kind: Kind, changes: readonly Change[]): void;
  /** A first set may be complete now, or nobody can be reached. */
  looked(): void;
}

/** The carriers of all places that resources come from. */
export class Places {
  /** By place. */
  readonly carriers = new Map<string, Carrier>();
  readonly #with: Whereabouts;
  readonly #events: PlaceEvents;

  constructor(whereabouts: Whereabouts, events: PlaceEvents) {
    this.#with = whereabouts;
    this.#events = events;
  }

  /** The carrier that brings a kind from there, made where there is none yet. */
  at(origin: Origin, kind: Kind): Carrier {
    const place = placeOf(origin, kind);
    const known = this.carriers.get(place);
    if (known !== undefined) return known;
    const carrier = this.#carrierOf(origin, kind, place);
    this.carriers.set(place, carrier);
    return carrier;
  }

  /** Ends a carrier that nobody wants anything of any more; one that all clusters or listeners come from stays. */
  leave(origin: Origin, kind: Kind): void {
    const place = placeOf(origin, kind);
    const carrier = this.carriers.get(place);
    if (carrier === undefined || origin.type === "ads" || this.#isRoot(place)) return;
    for (const { wanted } of carrier.resources.values()) if (wanted.size > 0) return;
    carrier.stop();
    this.carriers.delete(place);
  }

  stop(): void {
    for (const carrier of this.carriers.values()) carrier.stop();
  }

  /** Why nobody can be asked there; undefined: somebody can. */
  faultOf(origin: Origin): string | undefined {
    if (origin.type === "ads" && this.#with.ads === undefined) return "there is no ads_config";
    return origin.type === "stream" && this.#serversAt(origin).length === 0
      ? `no static cluster with endpoints is named ${origin.clusters.join(" or ")}`
      : undefined;
  }

  /** Whether all resources of a kind come from there. */
  isRootOf(kind: Kind, place: string): boolean {
    if (kind !== "cluster" && kind !== "listener") return false;
    const origin = this.#with.roots[kind];
    return origin !== undefined && placeOf(origin, kind) === place;
  }

  /** The carrier that all resources of a kind come from; undefined: there is none. */
  root(kind: "cluster" | "listener"): Carrier | undefined {
    const origin = this.#with.roots[kind];
    return origin && this.carriers.get(placeOf(origin, kind));
  }

  /** Addresses of control planes, and paths of files, for people. */
  get names(): readonly string[] {
    const { ads, roots } = this.#with;
    const others = [roots.cluster, roots.listener].flatMap((origin) => {
      if (origin?.type === "file") return [origin.path];
      return origin === undefined ? [] : this.#serversAt(origin).map(({ name }) => name);
    });
    return [...new Set([...(ads?.servers ?? []).map(({ name }) => name), ...others])];
  }

  #isRoot(place: string): boolean {
    return this.isRootOf("cluster", place) || this.isRootOf("listener", place);
  }

  #serversAt(origin: Origin): readonly ControlPlaneAddress[] {
    return origin.type === "stream" ? this.#with.serversOf(origin.clusters, origin.authority) : [];
  }

  #carrierOf(origin: Origin, kind: Kind, place: string): Carrier {
    const { node, logger, ads } = this.#with;
    const events = {
      judge: this.#events.judgeOf(origin),
      logger,
      taken: (changed: Kind, changes: readonly Change[]): void => {
        // One that has ended may still have been at work.
        if (this.carriers.get(place) === carrier) this.#events.taken(place, changed, changes);
      },
      looked: () => this.#events.looked(),
    };
    const carrier: Carrier =
      origin.type === "file"
        ? new FileCarrier({ ...events, path: origin.path })
        : new StreamClient({
            ...events,
            ...(origin.type === "ads"
              ? { ...ads!, method: aggregated(ads!.protocol), kinds: kindNames }
              : {
                  servers: this.#serversAt(origin),
                  protocol: origin.protocol,
                  method: methodOf(kind, origin.protocol),
                  kinds: [kind],
                }),
            isRoot: (each) => this.isRootOf(each, place),
            node: { ...node },
          });
    return carrier;
  }
}

/** Streams for one kind stand apart. */
const placeOf = (origin: Origin, kind: Kind): string =>
  origin.type === "stream" ? `${origin.key}:${kind}` : origin.key;
