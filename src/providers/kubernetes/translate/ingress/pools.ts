import { isIP } from "node:net";
import { canonicalAddress, formatAddress } from "../../../../lib/address.ts";
import type { Backend } from "../../../../model/backend.ts";
import type { Authorities, Certificate } from "../../../../model/material.ts";
import type { PoolTls } from "../../../../model/pool.ts";
import type { Ingress, IngressBackend, Service, ServicePort } from "../../core.ts";
import type { Cluster } from "../../objects.ts";
import { type BackendTls, type JudgedPolicy, withCertificate } from "../backend-tls.ts";
import { spokenAt, unverified } from "../backends.ts";
import type { Pools } from "../pools.ts";
import type { Draft } from "./draft.ts";
import { bareHost } from "./values.ts";

/** Material that an Ingress shows its backends and verifies them by. */
export interface BackendMaterial {
  readonly ca: Authorities | undefined;
  readonly certificate: Certificate | undefined;
  /** Why the authorities that are to vouch for backends are not known: no backend is asked. */
  readonly problem?: string;
}

/** The pools of an Ingress's backends. */
export class IngressPools {
  readonly #cluster: Pick<Cluster, "services">;
  readonly #pools: Pools;
  readonly #tls: BackendTls;

  constructor(cluster: Pick<Cluster, "services">, pools: Pools, tls: BackendTls) {
    this.#cluster = cluster;
    this.#pools = pools;
    this.#tls = tls;
  }

  /** @returns the pool, with what is wrong where it can't be had. */
  of(
    { service: reference, resource }: IngressBackend,
    ingress: Ingress,
    draft: Draft,
    material: BackendMaterial,
  ): { readonly pool: string; readonly problem?: string } {
    const { namespace, name } = ingress.metadata;
    const invalid = (what: string, why: string) => ({
      pool: this.#pools.invalid(`${namespace}/${what}`, why),
      problem: why,
    });
    if (reference === undefined)
      return invalid(resource?.name ?? name, `a backend is a Service, and no ${resource?.kind ?? "other"}`);
    const key = `${namespace}/${reference.name}`;
    const service = this.#cluster.services.get(key);
    if (service === undefined) return invalid(reference.name, `there is no Service ${key}`);
    if (service.spec?.type === "ExternalName")
      return invalid(reference.name, `Service ${key} is an ExternalName, which could lead anywhere`);
    const wanted = reference.port ?? {};
    const port = service.spec?.ports?.find((each) =>
      wanted.name === undefined ? each.port === wanted.number : each.name === wanted.name,
    );
    if (port === undefined)
      return invalid(reference.name, `Service ${key} has no port ${wanted.name ?? wanted.number}`);
    const policy = this.#tls.for(service, port);
    if (policy !== undefined && policy.tls === undefined) return invalid(reference.name, unusable(policy));
    if (policy === undefined && material.problem !== undefined)
      return { pool: this.#pools.invalid(`Ingress ${namespace}/${name}`, material.problem) };
    return {
      pool: this.#make(service, port, { variant: `for Ingress ${namespace}/${name}`, draft, material }),
    };
  }

  /** A server that an annotation names: a Service by its name in the cluster, or anything on another machine. */
  server(url: URL): string {
    const host = bareHost(url);
    const secure = url.protocol === "https:";
    const port = Number(url.port) || (secure ? 443 : 80);
    const [name, namespace, svc] = host.split(".");
    const service = svc === "svc" ? this.#cluster.services.get(`${namespace}/${name}`) : undefined;
    const own = service?.spec?.ports?.find((each) => each.port === port);
    if (service !== undefined && own !== undefined) return this.#serverOf(service, own, secure);
    const tls = secure ? { ...unverified, verify: true, certificate: undefined } : undefined;
    const settings = { variant: secure ? "over TLS" : "", version: secure ? "auto" : "1.1", tls } as const;
    return this.#pools.external(host, port, settings);
  }

  /** A BackendTLSPolicy counts more than the URL. A pool has the usual name only where it is the one that others make. */
  #serverOf(service: Service, port: ServicePort, secure: boolean): string {
    const policy = this.#tls.for(service, port);
    const { namespace, name } = service.metadata;
    if (policy !== undefined && policy.tls === undefined)
      return this.#pools.invalid(`${namespace}/${name}`, unusable(policy));
    const tls = policy?.tls ?? (secure ? unverified : undefined);
    const spoken = spokenAt(port);
    const isUsual = policy !== undefined || (!secure && (spoken === undefined || spoken === "http"));
    return this.#pools.of(service, port, {
      variant: isUsual ? "" : secure ? "over TLS" : "over HTTP",
      version: tls === undefined ? "1.1" : "auto",
      tls: tls && withCertificate(tls, undefined),
    });
  }

  #make(
    service: Service,
    port: ServicePort,
    { variant, draft, material }: { variant: string; draft: Draft; material: BackendMaterial },
  ): string {
    const { picker, viaService } = draft.backend;
    const { connect } = draft.timeouts;
    // A headless Service has None.
    const host = service.spec?.clusterIP ?? "";
    const tls = this.#tlsOf(service, port, draft, material);
    const spoken = spokenAt(port);
    const isGrpc = draft.backend.protocol === "grpc" || draft.backend.protocol === "grpcs";
    const version = isGrpc ? "2" : tls !== undefined ? "auto" : spoken === "h2c" ? "2" : "1.1";
    const isUsual =
      picker === undefined &&
      connect === undefined &&
      !viaService &&
      (tls === undefined
        ? !isGrpc || spoken === "h2c"
        : draft.backend.protocol === "http" && isBare(draft, material));
    return this.#pools.of(service, port, {
      variant: isUsual ? "" : variant,
      version,
      tls,
      change: (pool) => ({
        ...pool,
        picker: picker ?? pool.picker,
        connect: { ...pool.connect, timeout: connect ?? pool.connect.timeout },
        ...(viaService &&
          isIP(host) !== 0 && {
            discovery: { type: "static", backends: [clusterBackend(host, port.port)] },
          }),
      }),
    });
  }

  #tlsOf(
    service: Service,
    port: ServicePort,
    { backend: { protocol, verify, name } }: Draft,
    { ca, certificate }: BackendMaterial,
  ): PoolTls | undefined {
    const policy = this.#tls.for(service, port)?.tls;
    if (policy !== undefined) return withCertificate(policy, certificate);
    if (protocol === "https" || protocol === "grpcs" || spokenAt(port) === "https")
      return { ...unverified, verify, ca, serverName: name, certificate };
    return undefined;
  }
}

const unusable = ({ policy }: JudgedPolicy): string =>
  `BackendTLSPolicy ${policy.metadata.name} can't be used`;

/** Whether TLS is as the Service says it, with nothing of the Ingress's own: others may not show its certificate. */
const isBare = ({ backend: { verify, name } }: Draft, { ca, certificate }: BackendMaterial): boolean =>
  !verify && name === undefined && ca === undefined && certificate === undefined;

/** The Service's own address. */
function clusterBackend(host: string, port: number): Backend {
  const target = canonicalAddress({ kind: "tcp", host, port });
  return { address: formatAddress(target), target, weight: 1, tier: 0 };
}
