import type { PoolTls } from "../../../model/pool.ts";
import type { Service, ServicePort } from "../core.ts";
import type { BackendReference, Gateway } from "../gateway-api.ts";
import type { Cluster } from "../objects.ts";
import type { BackendTls } from "./backend-tls.ts";
import { withCertificate } from "./backend-tls.ts";
import { type Problem, problem } from "./conditions.ts";
import type { Grants } from "./grants.ts";
import type { PoolSettings, Pools } from "./pools.ts";
import type { ClientCertificates } from "./tls.ts";

/** How a backend is used: by requests, by calls of gRPC, by bytes, or by TLS that goes on as it came. */
export type BackendUse = "http" | "grpc" | "bytes" | "passthrough";

/** The object that refers to a backend. */
export interface BackendUser {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly use: BackendUse;
}

/** A pool for a reference. */
export interface ResolvedBackend {
  readonly pool: string;
  /** Why the reference leads nowhere; the pool then is one that can't be had. */
  readonly problem: Problem | undefined;
}

/** Finds the pools of references to backends. */
export class Backends {
  readonly #cluster: Pick<Cluster, "services">;
  readonly #grants: Grants;
  readonly #pools: Pools;
  readonly #tls: BackendTls;
  readonly #certificates: ClientCertificates;

  constructor(
    cluster: Pick<Cluster, "services">,
    parts: {
      readonly grants: Grants;
      readonly pools: Pools;
      readonly tls: BackendTls;
      readonly certificates: ClientCertificates;
    },
  ) {
    this.#cluster = cluster;
    this.#grants = parts.grants;
    this.#pools = parts.pools;
    this.#tls = parts.tls;
    this.#certificates = parts.certificates;
  }

  /** @param gateway whose certificate is shown to it. */
  resolve(reference: BackendReference, user: BackendUser, gateway: Gateway): ResolvedBackend {
    const found = this.#find(reference, user);
    if ("reason" in found) return this.#invalid(reference, user, found);
    const { service, port } = found;
    const policy = user.use === "passthrough" ? undefined : this.#tls.for(service, port, gateway);
    if (policy !== undefined && policy.tls === undefined) {
      const { name } = policy.policy.metadata;
      const why = problem("Invalid", `BackendTLSPolicy ${name} can't be used`);
      return { ...this.#invalid(reference, user, why), problem: undefined };
    }
    const settings = this.#settings(port, policy?.tls, user.use, gateway);
    if ("reason" in settings) return this.#invalid(reference, user, settings);
    return { pool: this.#pools.of(service, port, settings), problem: undefined };
  }

  /** The pool of requests that have no backend at all. */
  nowhere(route: string): string {
    return this.#pools.invalid(route, "the route leads to no backend");
  }

  #invalid({ name, namespace, port }: BackendReference, user: BackendUser, why: Problem): ResolvedBackend {
    const text = `${namespace ?? user.namespace}/${name}${port === undefined ? "" : `:${port}`}`;
    return { pool: this.#pools.invalid(text, why.message), problem: why };
  }

  #find(
    { group = "", kind = "Service", name, namespace, port: number }: BackendReference,
    user: BackendUser,
  ): { readonly service: Service; readonly port: ServicePort } | Problem {
    const target = { group, kind, name, namespace: namespace ?? user.namespace };
    const key = `${target.namespace}/${name}`;
    if (group !== "" || kind !== "Service")
      return problem("InvalidKind", `backends are Services, and ${key} is a ${kind}`);
    if (!this.#grants.allows(user, target))
      return problem(
        "RefNotPermitted",
        `no ReferenceGrant in namespace ${target.namespace} lets ${user.kind}s of ${user.namespace} refer to Service ${name}`,
      );
    const service = this.#cluster.services.get(key);
    if (service === undefined) return problem("BackendNotFound", `there is no Service ${key}`);
    if (service.spec?.type === "ExternalName")
      return problem(
        "BackendNotFound",
        `Service ${key} is an ExternalName, which could lead anywhere and is not followed`,
      );
    const port = service.spec?.ports?.find(
      (each) => each.port === number && (each.protocol ?? "TCP") === "TCP",
    );
    return port === undefined
      ? problem("BackendNotFound", `Service ${key} has no TCP port ${number ?? "without a number"}`)
      : { service, port };
  }

  #settings(
    port: ServicePort,
    policy: Omit<PoolTls, "certificate"> | undefined,
    use: BackendUse,
    gateway: Gateway,
  ): PoolSettings | Problem {
    const spoken = spokenAt(port);
    const { appProtocol, name = "" } = port;
    if (spoken === undefined && appProtocol?.startsWith("kubernetes.io/") === true)
      return problem("UnsupportedProtocol", `umay does not know appProtocol ${appProtocol} of port ${name}`);
    if (use === "passthrough")
      return { variant: policyOrTls(policy, spoken), version: "1.1", tls: undefined };
    const usual = policy ?? (spoken === "https" ? unverified : undefined);
    const http = usual !== undefined ? "auto" : spoken === "h2c" ? "2" : "1.1";
    const version = use === "grpc" ? "2" : http;
    const certificate = usual && this.#certificates.of(gateway);
    const variants = [
      version === http ? "" : "for gRPC",
      certificate === undefined ? "" : `from ${gateway.metadata.namespace}/${gateway.metadata.name}`,
    ];
    return {
      variant: variants.filter((text) => text !== "").join(" "),
      version,
      tls: usual && withCertificate(usual, certificate),
    };
  }
}

const policyOrTls = (policy: unknown, spoken: string | undefined): string =>
  policy === undefined && spoken !== "https" ? "" : "passed through";

/** By the names of IANA and of KEP-3726. */
const appProtocols: Readonly<Record<string, "http" | "h2c" | "https">> = {
  http: "http",
  ws: "http",
  "kubernetes.io/ws": "http",
  h2c: "h2c",
  grpc: "h2c",
  "kubernetes.io/h2c": "h2c",
  https: "https",
  wss: "https",
  "kubernetes.io/wss": "https",
};

/** The protocol of backends at a port, as far as it is known; undefined: nobody says it, or it is something else. */
export const spokenAt = ({
  appProtocol,
}: Pick<ServicePort, "appProtocol">): "http" | "h2c" | "https" | undefined =>
  appProtocol === undefined ? undefined : appProtocols[appProtocol.toLowerCase()];

/** TLS to whoever is there: the Service says that it speaks TLS, and nobody says who vouches for it. */
export const unverified: Omit<PoolTls, "certificate"> = {
  verify: false,
  ca: undefined,
  serverName: undefined,
  alpn: [],
};
