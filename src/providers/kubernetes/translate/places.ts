import { anyConnection, type Chain, type Serve, type Target } from "../../../model/chain.ts";
import type { HttpFront, HttpServe } from "../../../model/http/front.ts";
import type { Guard } from "../../../model/http/guard.ts";
import { orderRoutes, type UnorderedRoute } from "../../../model/http/precedence.ts";
import type { HttpRoute, HttpRouteTable } from "../../../model/http/route.ts";
import type { Listener, ListenerTls } from "../../../model/listener.ts";
import { usualCiphers, usualGroups } from "../../toml/resolve/tls.ts";
import { anyHost, compareHosts, mostSpecific } from "./hosts.ts";
import { type Overlap, overlapsIn, type RouteOwner } from "./overlaps.ts";
import type { Place, Spot } from "./spots.ts";
import type { TranslateOptions } from "./translation.ts";

/** A route of the model at the hosts of a listener. */
export interface PlacedHttpRoute extends UnorderedRoute<HttpRoute> {
  readonly owner: RouteOwner;
  /** Of routes that ask for the same, the one with the lowest wins. */
  readonly rank: number;
  readonly guards?: readonly Guard[];
}

/** Where the bytes of TLS connections or of all connections go. */
export interface PlacedStream {
  /** Empty: any. */
  readonly hosts: readonly string[];
  readonly name: string;
  readonly to: Target;
  readonly owner: RouteOwner;
}

/** A listener with all that is attached to it, in the order in which equal things win. */
export interface Filled {
  readonly spot: Spot;
  readonly routes: readonly PlacedHttpRoute[];
  readonly streams: readonly PlacedStream[];
}

/** A place as umay serves it. */
export interface ServedPlace {
  readonly listener: Listener;
  readonly tables: readonly HttpRouteTable[];
  readonly overlaps: readonly Overlap[];
}

/** Listeners with the same hostname, which are served as one. */
interface Group {
  readonly hostname: string;
  readonly all: readonly Filled[];
}

/** Makes the listener of a place. @param filled those that are served there, at least one; the first has precedence. */
export function servePlace(place: Place, filled: readonly Filled[], options: TranslateOptions): ServedPlace {
  const maker = new PlaceMaker(place, filled, options);
  return { listener: maker.listener(), tables: maker.tables, overlaps: maker.overlaps };
}

class PlaceMaker {
  readonly tables: HttpRouteTable[] = [];
  readonly overlaps: Overlap[] = [];
  readonly #name: string;
  readonly #place: Place;
  readonly #groups: readonly Group[];
  readonly #names: ReadonlySet<string>;
  readonly #options: TranslateOptions;
  readonly #tls: ListenerTls[] = [];

  constructor(place: Place, filled: readonly Filled[], options: TranslateOptions) {
    const { host, port } = place;
    this.#name = host === options.host ? `port-${port}` : `port-${port} ${host}`;
    this.#place = place;
    this.#options = options;
    this.#groups = [...Map.groupBy(filled, ({ spot }) => spot.hostname)]
      .map(([hostname, all]) => ({ hostname, all }))
      .sort((left, right) => compareHosts(left.hostname, right.hostname));
    this.#names = new Set(this.#groups.map(({ hostname }) => hostname));
  }

  listener(): Listener {
    const { listener } = this.#options.defaults;
    const [first] = this.#groups[0]!.all;
    const chains =
      first!.spot.protocol === "HTTP"
        ? this.#plainChains()
        : first!.spot.protocol === "TCP"
          ? this.#streamChains(first!)
          : this.#secureChains();
    return {
      ...listener,
      name: this.#name,
      bind: { kind: "tcp", ...this.#place },
      chains,
      tls: this.#tls,
    };
  }

  #plainChains(): readonly Chain[] {
    return [this.#chain("http", {}, plain, this.#http(this.#table(this.#name, this.#groups)))];
  }

  #http(table: string): HttpServe {
    const front = { ...this.#options.defaults.front, versions };
    return { kind: "http", routes: table, fallback: undefined, front };
  }

  #streamChains({ streams }: Filled): readonly Chain[] {
    const [stream] = streams;
    return [this.#chain(stream?.name ?? "nothing", {}, plain, relay(stream?.to))];
  }

  /** By server name: all of one listener before those that take more names. */
  #secureChains(): readonly Chain[] {
    const chains = this.#groups.flatMap((group) => this.#chainsOf(group));
    const last = this.#groups.at(-1)!;
    if (last.hostname === anyHost) return chains;
    return [...chains, this.#chain("no listener", {}, passthrough, refuse)];
  }

  #chainsOf(group: Group): readonly Chain[] {
    const [{ spot }] = group.all as [Filled];
    const { hostname } = group;
    const tls = spot.terminates ? this.#settings(group) : passthrough;
    if (spot.protocol === "HTTPS")
      return [
        this.#chain(
          hostname,
          { sni: sniOf([hostname]) },
          tls,
          this.#http(this.#table(`${this.#name} ${hostname}`, [group])),
        ),
      ];
    const streams = group.all.flatMap((each) => each.streams);
    const hosts = new Map<string, PlacedStream>();
    for (const stream of streams)
      for (const host of stream.hosts.length === 0 ? [hostname] : stream.hosts)
        if (!hosts.has(host) && this.#owner(host) === hostname) hosts.set(host, stream);
    const routed = [...hosts]
      .sort(([left], [right]) => compareHosts(left, right))
      .map(([host, { name, to }]) => this.#chain(`${name} ${host}`, { sni: sniOf([host]) }, tls, relay(to)));
    if (hosts.has(hostname)) return routed;
    return [...routed, this.#chain(hostname, { sni: sniOf([hostname]) }, tls, refuse)];
  }

  /** @returns its name. */
  #table(name: string, groups: readonly Group[]): string {
    const names = new Set(groups.map(({ hostname }) => hostname));
    const routes = groups
      .flatMap(({ hostname, all }) =>
        all.flatMap(({ routes: own }) =>
          own.flatMap((route) => {
            // A name that a more specific listener has is not this one's.
            const hosts = route.hosts.filter((host) => mostSpecific(names, host) === hostname);
            return hosts.length === 0 ? [] : [{ ...route, hosts }];
          }),
        ),
      )
      .sort((left, right) => left.rank - right.rank);
    const { hosts } = orderRoutes(routes, "as given");
    this.overlaps.push(...overlapsIn(hosts, new Map(routes.map(({ route, owner }) => [route.name, owner]))));
    const known = new Set(hosts.map((host) => host.name));
    const empty = [...names].filter((each) => !known.has(each)).map((each) => ({ name: each, rules: [] }));
    const guards = new Map(
      routes.flatMap((route) => (route.guards ?? []).map((guard) => [guard.name, guard])),
    );
    this.tables.push({
      name,
      hosts: [...hosts, ...empty].map((host) => (names.has(host.name) ? { ...host, isLast: true } : host)),
      fallsThrough: true,
      guards: [...guards.values()],
    });
    return name;
  }

  /** The hostname of the listener that takes a name. */
  #owner(host: string): string | undefined {
    return mostSpecific(this.#names, host);
  }

  #settings({ hostname, all }: Group): ChainTls {
    const spots = all.map(({ spot }) => spot);
    const [first] = spots as [Spot];
    const auth = first.clientAuth;
    this.#tls.push({
      name: hostname,
      minVersion: "TLSv1.2",
      maxVersion: "TLSv1.3",
      ciphers: usualCiphers,
      groups: usualGroups(auth !== undefined),
      alpn: first.protocol === "HTTPS" ? ["h2", "http/1.1"] : [],
      certificates: [...new Set(spots.flatMap(({ certificates }) => certificates))],
      strictSni: false,
      clientAuth: auth,
      sessionTickets: { rotate: 86_400_000, keys: undefined },
    });
    return { tls: "terminate", settings: hostname };
  }

  #chain(name: string, match: Partial<Chain["match"]>, tls: ChainTls, serve: Serve): Chain {
    const { timeouts } = this.#options.defaults.listener.chains[0]!;
    return { name, match: { ...anyConnection, ...match }, ...tls, serve, timeouts };
  }
}

type ChainTls = Pick<Chain, "tls" | "settings">;

const plain: ChainTls = { tls: undefined, settings: undefined };
const passthrough: ChainTls = { tls: "passthrough", settings: undefined };

/** Without TLS clients begin with the bytes of one or the other. */
const versions: HttpFront["versions"] = ["2", "1.1"];
const refuse: Serve = { kind: "refuse" };

const relay = (to: Target | undefined): Serve =>
  to === undefined || to.length === 0 ? refuse : { kind: "relay", to };

const sniOf = (hosts: readonly string[]): readonly string[] => hosts.filter((host) => host !== anyHost);
