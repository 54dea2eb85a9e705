import { RegexError, type Regexes } from "../../../../lib/regex.ts";
import type { Slices } from "../../../../lib/slices.ts";
import type { Guard } from "../../../../model/http/guard.ts";
import type { PathMatch, RequestMatch } from "../../../../model/http/match.ts";
import type { Ingress, IngressBackend, IngressPath } from "../../core.ts";
import type { Cluster } from "../../objects.ts";
import type { BackendTls } from "../backend-tls.ts";
import { anyHost, covers, hostOf } from "../hosts.ts";
import type { Filled, PlacedHttpRoute } from "../places.ts";
import type { Pools } from "../pools.ts";
import { room } from "../room.ts";
import { servedIngresses } from "./classes.ts";
import { type Draft, emptyDraft } from "./draft.ts";
import { guardsOf } from "./guards.ts";
import { type HostParts, IngressHosts, materialOf } from "./hosts.ts";
import { readPath } from "./paths.ts";
import { type BackendMaterial, IngressPools } from "./pools.ts";
import { ingressEvent, readAnnotations } from "./read.ts";
import { type CanaryPart, type IngressPart, routesOf } from "./routes.ts";

/** The things that Ingresses share with Gateways. */
export interface IngressParts extends HostParts {
  readonly pools: Pools;
  readonly tls: BackendTls;
  readonly regexes: Regexes;
  readonly slices: Slices;
}

/** The Ingresses as they are served: listeners like those of a Gateway, filled already. */
export interface ServedIngresses {
  readonly all: readonly Ingress[];
  readonly filled: readonly Filled[];
}

/** All Ingresses together have a listener for HTTP and, where there is a certificate, one for HTTPS. */
export async function serveIngresses(cluster: Cluster, parts: IngressParts): Promise<ServedIngresses> {
  const all = servedIngresses(cluster, parts.options);
  if (all.length === 0) return { all, filled: [] };
  const reader = new IngressReader(cluster, parts);
  for (const ingress of all)
    try {
      await parts.slices.next();
      await reader.read(ingress);
    } catch (error) {
      // One Ingress keeps no other from being served.
      reader.leaveOut(ingress, error as Error);
    }
  return { all, filled: await reader.filled() };
}

class IngressReader {
  readonly #cluster: Cluster;
  readonly #parts: IngressParts;
  readonly #pools: IngressPools;
  #ingressParts: IngressPart[] = [];
  /** By {@link placeOf}. */
  readonly #canaries = new Map<string, CanaryPart[]>();
  readonly #hosts: IngressHosts;
  readonly #taken = new Map<string, Ingress>();
  #guardCount = 0;

  constructor(cluster: Cluster, parts: IngressParts) {
    this.#cluster = cluster;
    this.#parts = parts;
    this.#pools = new IngressPools(cluster, parts.pools, parts.tls);
    this.#hosts = new IngressHosts(parts);
  }

  async read(ingress: Ingress): Promise<void> {
    const { options, secrets, tell } = this.#parts;
    const draft = options.nginxAnnotations
      ? readAnnotations(ingress, secrets, tell, this.#cluster)
      : emptyDraft();
    this.#hosts.note(ingress, draft);
    const material = await materialOf(ingress, draft, this.#parts);
    const secured = await this.#hosts.secure(ingress, draft);
    const guards = this.#guards(ingress, draft);
    const { rules = [], defaultBackend } = ingress.spec ?? {};
    for (const [at, rule] of rules.entries()) {
      const hosts = [hostOf(rule.host), ...(rule.host === undefined ? [] : draft.aliases)];
      for (const [index, path] of (rule.http?.paths ?? []).entries())
        this.#addPath(ingress, { draft, material, guards, secured }, { hosts, path, name: `${at}.${index}` });
    }
    if (defaultBackend !== undefined && draft.canary === undefined)
      this.#add(
        ingress,
        { draft, material, guards, secured },
        { hosts: [anyHost], backend: defaultBackend, name: "default", match: anyRequest, priority: -1_000 },
      );
  }

  /** Others may have its places. */
  leaveOut(ingress: Ingress, { message }: Error): void {
    const isOther = (part: IngressPart): boolean => part.ingress !== ingress;
    this.#ingressParts = this.#ingressParts.filter(isOther);
    for (const [place, parts] of this.#canaries) this.#canaries.set(place, parts.filter(isOther));
    for (const [place, owner] of this.#taken) if (owner === ingress) this.#taken.delete(place);
    this.#hosts.leaveOut(ingress);
    this.#warn(ingress, "NotServed", message);
  }

  #addPath(
    ingress: Ingress,
    read: ReadIngress,
    { hosts, path, name }: { hosts: readonly string[]; path: IngressPath; name: string },
  ): void {
    const { options, regexes } = this.#parts;
    const found = readPath(path, read.draft, options.nginxAnnotations, regexes);
    if ("reason" in found) {
      this.#warn(ingress, found.reason, found.message);
      return;
    }
    const match: RequestMatch = { path: found.match, methods: [], headers: [], query: [] };
    const key = placeOf(hosts, found.match);
    const other = this.#taken.get(key);
    if (read.draft.canary === undefined) {
      if (other !== undefined && other !== ingress)
        this.#warn(
          ingress,
          "PathTaken",
          `${path.path ?? "/"} of ${hosts[0]} is taken by the older Ingress ${other.metadata.namespace}/${other.metadata.name}`,
        );
      if (other !== undefined) return;
      this.#taken.set(key, ingress);
    }
    const { backend } = path;
    this.#add(ingress, read, { hosts, backend, name, match, priority: 0, rewrite: found.rewrite });
  }

  #add(
    ingress: Ingress,
    { draft, material, guards, secured }: ReadIngress,
    { hosts, backend, name, match, priority, rewrite }: Placing,
  ): void {
    const { namespace, name: own } = ingress.metadata;
    const resolved = this.#pools.of(backend, ingress, draft, material);
    if (resolved.problem !== undefined) this.#warn(ingress, "BackendNotFound", resolved.problem);
    const why = typeof guards === "string" ? guards : undefined;
    const pool =
      why === undefined ? resolved.pool : this.#parts.pools.invalid(`Ingress ${namespace}/${own}`, why);
    const { mirror } = draft;
    const part: IngressPart = {
      name: `Ingress ${namespace}/${own}/${name}`,
      hosts,
      match,
      rewrite,
      pool,
      draft,
      guards: typeof guards === "string" ? [] : guards,
      mirror: mirror && this.#pools.server(mirror),
      hasTls: hosts.every((host) => secured.some((each) => covers(each, host))),
      priority,
      owner: { kind: "Ingress", namespace: namespace ?? "", name: own },
      ingress,
      // Behind every route of Gateway API that asks for the same.
      rank: Number.MAX_SAFE_INTEGER,
    };
    if (draft.canary !== undefined) this.#addCanary(ingress, part as CanaryPart);
    else this.#ingressParts.push(part);
    if (draft.passthrough && hosts[0] !== anyHost)
      this.#hosts.passThrough(ingress, hosts[0]!, { to: [{ pool, weight: 1 }], owner: part.owner });
  }

  #addCanary(ingress: Ingress, part: CanaryPart): void {
    const { header, headerPattern } = part.draft.canary;
    if (header !== undefined && headerPattern !== undefined)
      try {
        this.#parts.regexes.whole(headerPattern, false);
      } catch (error) {
        if (!(error instanceof RegexError)) throw error;
        this.#warn(ingress, "BadAnnotation", `canary-by-header-pattern ${error.message}`);
        return;
      }
    const place = placeOf(part.hosts, part.match.path);
    const others = this.#canaries.get(place);
    if (others === undefined) this.#canaries.set(place, [part]);
    else others.push(part);
  }

  /** @returns why nobody may come in, where a guard can't be had. */
  #guards(ingress: Ingress, draft: Draft): readonly Guard[] | string {
    const found = guardsOf(ingress, draft, this.#parts.secrets, this.#pools);
    const guards: Guard[] = [];
    for (const guard of found)
      if ("problem" in guard) {
        this.#warn(ingress, "BadAnnotation", guard.problem);
        draft.closed ??= guard.problem;
      } else guards.push(guard);
    if (draft.closed === undefined && this.#guardCount + guards.length > room.guards) {
      draft.closed = `there is room for ${room.guards} auths and rate limits in all Ingresses`;
      this.#warn(ingress, "NotServed", draft.closed);
    }
    if (draft.closed !== undefined) return draft.closed;
    this.#guardCount += guards.length;
    return guards;
  }

  #warn(ingress: Ingress, reason: string, message: string): void {
    this.#parts.tell(ingressEvent(ingress, reason, message));
  }

  /** Of another namespace nobody gets a part of the requests. It is known once all Ingresses are read. */
  #dropCanariesOfOthers(): void {
    for (const [place, parts] of this.#canaries) {
      const main = this.#taken.get(place);
      if (main === undefined) continue;
      const own = Map.groupBy(parts, ({ owner }) => owner.namespace === main.metadata.namespace);
      this.#canaries.set(place, own.get(true) ?? []);
      for (const { ingress, hosts } of own.get(false) ?? [])
        this.#warn(
          ingress,
          "PathTaken",
          `a canary of ${hosts[0]} has to be in the namespace of its Ingress ${main.metadata.namespace}/${main.metadata.name}`,
        );
    }
  }

  async filled(): Promise<readonly Filled[]> {
    this.#dropCanariesOfOthers();
    const warned = new Set<Ingress>();
    const verified = <Part extends IngressPart>(part: Part): Part => this.#verified(part, warned);
    this.#ingressParts = this.#ingressParts.map(verified);
    for (const [place, parts] of this.#canaries) this.#canaries.set(place, parts.map(verified));
    const made = new Map<IngressPart, MadeRoutes>();
    for (const part of this.#ingressParts)
      try {
        await this.#parts.slices.next();
        made.set(part, { plain: this.#made(part, false), secure: this.#made(part, true) });
      } catch (error) {
        this.leaveOut(part.ingress, error as Error);
      }
    // One that was left out may have parts before.
    const all = this.#ingressParts.flatMap((part) => made.get(part) ?? []);
    return this.#hosts.filled((secure, only) => {
      const routes = all.flatMap((each) => (secure ? each.secure : each.plain));
      return only === undefined ? routes : routesAt(only, routes);
    });
  }

  #made(part: IngressPart, secure: boolean): readonly PlacedHttpRoute[] {
    const canaries = this.#canaries.get(placeOf(part.hosts, part.match.path)) ?? [];
    return routesOf(part, canaries, secure, this.#parts.options.defaults.route);
  }

  /** Clients that nobody asks for certificates do not get to a part that wants them. */
  #verified<Part extends IngressPart>(part: Part, warned: Set<Ingress>): Part {
    const { ingress, draft, hosts } = part;
    if (this.#hosts.verifies(ingress, draft, hosts)) return part;
    const why = `auth-tls-secret: no listener of its own asks clients of ${hosts.join(", ")} for certificates`;
    if (draft.closed === undefined && !warned.has(ingress)) this.#warn(ingress, "BadAnnotation", why);
    warned.add(ingress);
    const { namespace, name } = ingress.metadata;
    return {
      ...part,
      pool: this.#parts.pools.invalid(`Ingress ${namespace}/${name}`, why),
      mirror: undefined,
    };
  }
}

/** The routes of a part, for clients without TLS and with it. */
interface MadeRoutes {
  readonly plain: readonly PlacedHttpRoute[];
  readonly secure: readonly PlacedHttpRoute[];
}

/** Those of one host. */
const routesAt = (only: string, routes: readonly PlacedHttpRoute[]): readonly PlacedHttpRoute[] =>
  routes
    .map((route) => ({ ...route, hosts: route.hosts.filter((host) => covers(only, host)) }))
    .filter(({ hosts }) => hosts.length > 0);

/** All that is known of an Ingress before its paths. */
interface ReadIngress {
  readonly draft: Draft;
  readonly material: BackendMaterial;
  /** A text: why nobody may come in. */
  readonly guards: readonly Guard[] | string;
  /** Hosts with certificates. */
  readonly secured: readonly string[];
}

interface Placing extends Pick<IngressPart, "hosts" | "match" | "priority" | "name"> {
  readonly backend: IngressBackend;
  readonly rewrite?: IngressPart["rewrite"];
}

const anyRequest: RequestMatch = { path: undefined, methods: [], headers: [], query: [] };

/** A key that tells apart the places that an Ingress may ask for. */
const placeOf = (hosts: readonly string[], path: PathMatch | undefined): string =>
  JSON.stringify([hosts, path]);
