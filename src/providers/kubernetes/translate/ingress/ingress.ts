import { RegexError, type Regexes } from "../../../../lib/regex.ts";
import type { Guard } from "../../../../model/http/guard.ts";
import type { RequestMatch } from "../../../../model/http/match.ts";
import type { Certificate } from "../../../../model/material.ts";
import type { Ingress, IngressBackend, IngressPath } from "../../core.ts";
import type { Gateway } from "../../gateway-api.ts";
import type { Cluster } from "../../objects.ts";
import type { BackendTls } from "../backend-tls.ts";
import { anyHost, covers, hostOf } from "../hosts.ts";
import type { Filled, PlacedHttpRoute } from "../places.ts";
import type { Pools } from "../pools.ts";
import type { Secrets } from "../secrets.ts";
import { Spot } from "../spots.ts";
import type { KubeEvent, TranslateOptions } from "../translation.ts";
import { servedIngresses } from "./classes.ts";
import { type Draft, emptyDraft } from "./draft.ts";
import { guardsOf, ownKey } from "./guards.ts";
import { readPath } from "./paths.ts";
import { type BackendMaterial, IngressPools } from "./pools.ts";
import { ingressEvent, readAnnotations } from "./read.ts";
import { type CanaryPart, type IngressPart, routesOf } from "./routes.ts";

/** The things that Ingresses share with Gateways. */
export interface IngressParts {
  readonly options: TranslateOptions;
  readonly secrets: Secrets;
  readonly pools: Pools;
  readonly tls: BackendTls;
  readonly regexes: Regexes;
  readonly tell: (event: KubeEvent) => void;
}

/** What becomes of the Ingresses: listeners like those of a Gateway, filled already. */
export interface ServedIngresses {
  readonly all: readonly Ingress[];
  readonly filled: readonly Filled[];
}

/** All Ingresses together have a listener for HTTP and, where there is a certificate, one for HTTPS. */
export async function serveIngresses(cluster: Cluster, parts: IngressParts): Promise<ServedIngresses> {
  const all = servedIngresses(cluster, parts.options);
  if (all.length === 0) return { all, filled: [] };
  const reader = new IngressReader(cluster, parts);
  for (const ingress of all) await reader.read(ingress);
  return { all, filled: reader.filled() };
}

/** The Gateway that Ingresses stand for: nobody else has it. */
const gateway: Gateway = { metadata: { name: "ingress" }, spec: { gatewayClassName: "", listeners: [] } };

/** Clients of some hosts that show certificates, or whose TLS goes on as it came. */
interface OwnHost {
  readonly spot: Spot;
  readonly pool: string | undefined;
}

class IngressReader {
  readonly #cluster: Cluster;
  readonly #parts: IngressParts;
  readonly #pools: IngressPools;
  readonly #ingressParts: IngressPart[] = [];
  readonly #canaries: CanaryPart[] = [];
  readonly #certificates = new Set<Certificate>();
  readonly #own = new Map<string, OwnHost>();
  readonly #taken = new Map<string, Ingress>();

  constructor(cluster: Cluster, parts: IngressParts) {
    this.#cluster = cluster;
    this.#parts = parts;
    this.#pools = new IngressPools(cluster, parts.pools, parts.tls);
  }

  async read(ingress: Ingress): Promise<void> {
    const { options, secrets, tell } = this.#parts;
    const draft = options.nginxAnnotations
      ? readAnnotations(ingress, secrets, tell, this.#cluster)
      : emptyDraft();
    const material = await this.#material(ingress, draft);
    const secured = await this.#secure(ingress, draft);
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
    const key = JSON.stringify([hosts, found.match]);
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
      mirror: mirror && this.#pools.host(mirror.host, mirror.port, mirror.secure),
      hasTls: hosts.every((host) => secured.some((each) => covers(each, host))),
      priority,
      // Behind every route of Gateway API that asks for the same.
      rank: Number.MAX_SAFE_INTEGER,
    };
    if (draft.canary !== undefined) this.#addCanary(ingress, part as CanaryPart);
    else this.#ingressParts.push(part);
    if (draft.passthrough && hosts[0] !== anyHost) this.#passThrough(hosts[0]!, pool);
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
    this.#canaries.push(part);
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
    return draft.closed ?? guards;
  }

  /** Certificates of the Ingress's hosts. @returns the hosts that have one. */
  async #secure(ingress: Ingress, draft: Draft): Promise<readonly string[]> {
    const { secrets } = this.#parts;
    const namespace = ingress.metadata.namespace ?? "";
    const secured: string[] = [];
    for (const { hosts = [], secretName } of ingress.spec?.tls ?? []) {
      secured.push(...hosts.map(hostOf));
      if (secretName === undefined || secretName === "") continue;
      const loaded = await secrets.certificate(`${namespace}/${secretName}`, "clients");
      if ("problem" in loaded) this.#warn(ingress, "BadCertificate", loaded.problem.message);
      else if (draft.clientTls.secret !== undefined && draft.clientTls.mode !== "off")
        for (const host of hosts) await this.#askClients(ingress, draft, hostOf(host), loaded.value);
      else this.#certificates.add(loaded.value);
    }
    return secured;
  }

  async #askClients(ingress: Ingress, draft: Draft, host: string, certificate: Certificate): Promise<void> {
    const { secret = "", mode, names } = draft.clientTls;
    const key = ownKey(secret, ingress.metadata.namespace ?? "");
    const loaded =
      key === undefined
        ? { problem: { message: `auth-tls-secret ${secret} is in another namespace` } }
        : await this.#parts.secrets.authorities("Secret", key, "clients");
    if ("problem" in loaded) {
      this.#warn(ingress, "BadAnnotation", loaded.problem.message);
      draft.closed ??= loaded.problem.message;
      this.#certificates.add(certificate);
      return;
    }
    const spot = this.#spot("HTTPS", host);
    spot.certificates = [certificate];
    const allow = names.map((name) => ({ kind: "subject" as const, attributes: [name] }));
    spot.clientAuth = {
      mode: mode === "optional" ? "optional" : "require",
      ca: loaded.value,
      crl: undefined,
      allow: allow.length === 0 ? undefined : allow,
    };
    if (!this.#own.has(host)) this.#own.set(host, { spot, pool: undefined });
  }

  #passThrough(host: string, pool: string): void {
    if (!this.#own.has(host)) this.#own.set(host, { spot: this.#spot("TLS", host), pool });
  }

  async #material(ingress: Ingress, { backend: { secret, verify } }: Draft): Promise<BackendMaterial> {
    if (secret === undefined) return { ca: undefined, certificate: undefined };
    const { secrets } = this.#parts;
    const key = ownKey(secret, ingress.metadata.namespace ?? "");
    if (key === undefined) {
      this.#warn(ingress, "BadAnnotation", `proxy-ssl-secret ${secret} is in another namespace`);
      return { ca: undefined, certificate: undefined };
    }
    const data = secrets.secret(key)?.data ?? {};
    const certificate = "tls.crt" in data ? await secrets.certificate(key, "backends") : undefined;
    const ca = "ca.crt" in data || verify ? await secrets.authorities("Secret", key, "backends") : undefined;
    for (const loaded of [certificate, ca])
      if (loaded !== undefined && "problem" in loaded)
        this.#warn(ingress, "BadAnnotation", loaded.problem.message);
    return { ca: loadedOf(ca), certificate: loadedOf(certificate) };
  }

  #spot(protocol: "HTTP" | "HTTPS" | "TLS", host: string): Spot {
    const { options } = this.#parts;
    const port = protocol === "HTTP" ? options.ingressPorts.http : options.ingressPorts.https;
    const mode = protocol === "TLS" ? "Passthrough" : "Terminate";
    const spec = {
      name: `${protocol.toLowerCase()} of Ingresses`,
      protocol,
      port,
      ...(host !== anyHost && { hostname: host }),
      ...(protocol !== "HTTP" && { tls: { mode } as const }),
    };
    return new Spot(gateway, { kind: "Gateway", object: gateway }, spec, options.host);
  }

  #warn(ingress: Ingress, reason: string, message: string): void {
    this.#parts.tell(ingressEvent(ingress, reason, message));
  }

  filled(): readonly Filled[] {
    const plain = this.#spot("HTTP", anyHost);
    const secure = this.#spot("HTTPS", anyHost);
    secure.certificates = [...this.#certificates];
    return [
      { spot: plain, routes: this.#routes(false), streams: [] },
      ...(this.#certificates.size > 0 ? [{ spot: secure, routes: this.#routes(true), streams: [] }] : []),
      ...[...this.#own].map(([host, { spot, pool }]) => ({
        spot,
        routes: pool === undefined ? this.#routes(true, host) : [],
        streams: pool === undefined ? [] : [{ name: host, hosts: [host], to: [{ pool, weight: 1 }] }],
      })),
    ];
  }

  /** @param only of this host; undefined: of all. */
  #routes(secure: boolean, only?: string): readonly PlacedHttpRoute[] {
    const usual = this.#parts.options.defaults.route;
    return this.#ingressParts.flatMap((part) => {
      const canaries = this.#canaries.filter(
        ({ hosts, match }) => isSame(hosts, part.hosts) && isSame(match.path, part.match.path),
      );
      const routes = routesOf(part, canaries, secure, usual);
      if (only === undefined) return routes;
      return routes
        .map((route) => ({ ...route, hosts: route.hosts.filter((host) => covers(only, host)) }))
        .filter(({ hosts }) => hosts.length > 0);
    });
  }
}

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

const isSame = (left: unknown, right: unknown): boolean => JSON.stringify(left) === JSON.stringify(right);

const loadedOf = <T>(loaded: { readonly value: T } | object | undefined): T | undefined =>
  loaded !== undefined && "value" in loaded ? (loaded.value as T) : undefined;
