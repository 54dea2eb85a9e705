import { isDeepStrictEqual } from "node:util";
import type { Certificate } from "../../../../model/material.ts";
import type { Ingress } from "../../core.ts";
import type { Gateway } from "../../gateway-api.ts";
import { anyHost, covers, hostOf, mostSpecific } from "../hosts.ts";
import type { Filled, PlacedHttpRoute, PlacedStream } from "../places.ts";
import type { Secrets } from "../secrets.ts";
import { Spot } from "../spots.ts";
import type { KubeEvent, TranslateOptions } from "../translation.ts";
import type { Draft } from "./draft.ts";
import { ownKey } from "./guards.ts";
import type { BackendMaterial } from "./pools.ts";
import { ingressEvent } from "./read.ts";

/** The Gateway that Ingresses stand for: nobody else has it. */
const gateway: Gateway = { metadata: { name: "ingress" }, spec: { gatewayClassName: "", listeners: [] } };

/** Clients of some hosts that show certificates, or whose TLS goes on as it came. */
interface OwnHost {
  readonly spot: Spot;
  /** Where TLS goes on to, and whose it is. */
  readonly passes?: Pick<PlacedStream, "to" | "owner">;
  /** The `namespace/name` of the CAs of its clients, and what else is asked of them. */
  readonly asks?: Draft["clientTls"];
}

export interface HostParts {
  readonly options: TranslateOptions;
  readonly secrets: Secrets;
  readonly tell: (event: KubeEvent) => void;
}

/** The routes of all Ingresses. @param secure for clients over TLS. @param only of this host; undefined: of all. */
type RoutesOf = (secure: boolean, only?: string) => readonly PlacedHttpRoute[];

/** The listeners of all Ingresses, and the certificates of their hosts. */
export class IngressHosts {
  readonly #parts: HostParts;
  /** With the names that each is shown for. */
  readonly #certificates = new Map<Certificate, Set<string>>();
  /** By host: the namespace whose certificate is shown. */
  readonly #shown = new Map<string, string>();
  readonly #own = new Map<string, OwnHost>();
  /** The oldest Ingress with each host. */
  readonly #oldest = new Map<string, Ingress>();

  constructor(parts: HostParts) {
    this.#parts = parts;
  }

  /** Each Ingress is to be noted, the oldest first, before anything is asked for it. */
  note(ingress: Ingress, { aliases }: Draft): void {
    const { rules = [], tls = [] } = ingress.spec ?? {};
    const own = [...rules.map(({ host }) => host), ...tls.flatMap(({ hosts = [] }) => hosts), ...aliases];
    for (const host of own.map(hostOf)) if (!this.#oldest.has(host)) this.#oldest.set(host, ingress);
  }

  leaveOut(ingress: Ingress): void {
    for (const [host, owner] of this.#oldest) if (owner === ingress) this.#oldest.delete(host);
  }

  /**
   * Whether an Ingress may say how clients of a host are met in TLS: an older one of another namespace, which has one of the
   * names, would lose them all. If not, it is told.
   */
  #mayTake(ingress: Ingress, host: string): boolean {
    const isOther = (each: Ingress | undefined): boolean =>
      each !== undefined && each.metadata.namespace !== ingress.metadata.namespace;
    const other = host.startsWith("*")
      ? this.#oldest.entries().find(([name, each]) => covers(host, name) && isOther(each))?.[1]
      : this.#oldest.get(host);
    if (other === undefined || !isOther(other)) return true;
    const { namespace, name } = other.metadata;
    const why = `TLS of ${host} is up to the older Ingress ${namespace}/${name}`;
    this.#parts.tell(ingressEvent(ingress, "HostTaken", why));
    return false;
  }

  /** A certificate is shown for its hosts, and for all of its other names that are no host of an older one's. */
  #show(certificate: Certificate, hosts: readonly string[], namespace: string): void {
    const names = this.#certificates.get(certificate) ?? new Set();
    this.#certificates.set(certificate, names);
    const own = hosts.filter((host) => certificate.names.some((name) => stands(name, host)));
    for (const host of own) if (!this.#shown.has(host)) this.#shown.set(host, namespace);
    for (const name of [...certificate.names, ...own])
      if ((this.#shown.get(name) ?? namespace) === namespace) names.add(name);
  }

  /** Certificates of the Ingress's hosts. @returns the hosts that have one. */
  async secure(ingress: Ingress, draft: Draft): Promise<readonly string[]> {
    const { secrets } = this.#parts;
    // Without TLS nobody shows a certificate.
    if (asksClients(draft)) draft.sslRedirect = "always";
    const namespace = ingress.metadata.namespace ?? "";
    const secured: string[] = [];
    for (const { hosts = [], secretName } of ingress.spec?.tls ?? []) {
      secured.push(...hosts.map(hostOf));
      if (secretName === undefined || secretName === "") continue;
      const loaded = await secrets.certificate(`${namespace}/${secretName}`, "clients");
      if ("problem" in loaded)
        this.#parts.tell(ingressEvent(ingress, "BadCertificate", loaded.problem.message));
      else if (asksClients(draft))
        for (const host of hosts) await this.#askClients(ingress, draft, hostOf(host), loaded.value);
      else this.#show(loaded.value, hosts.map(hostOf), namespace);
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
      this.#parts.tell(ingressEvent(ingress, "BadAnnotation", loaded.problem.message));
      draft.closed ??= loaded.problem.message;
    }
    if ("problem" in loaded || !this.#mayTake(ingress, host)) {
      this.#show(certificate, [host], ingress.metadata.namespace ?? "");
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
    if (!this.#own.has(host)) this.#own.set(host, { spot, asks: askedOf(ingress, draft) });
  }

  /**
   * Whether all clients over TLS of an Ingress's hosts are asked for certificates, where it wants that. It is known once all
   * Ingresses are read.
   */
  verifies(ingress: Ingress, draft: Draft, hosts: readonly string[]): boolean {
    if (!asksClients(draft)) return true;
    const asked = askedOf(ingress, draft);
    return hosts.every((host) => {
      const own = this.#own.get(mostSpecific(this.#own, host) ?? "");
      return own?.asks !== undefined && isDeepStrictEqual(own.asks, asked);
    });
  }

  passThrough(ingress: Ingress, host: string, passes: Pick<PlacedStream, "to" | "owner">): void {
    if (!this.#own.has(host) && this.#mayTake(ingress, host))
      this.#own.set(host, { spot: this.#spot("TLS", host), passes });
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

  filled(routes: RoutesOf): readonly Filled[] {
    const plain = this.#spot("HTTP", anyHost);
    const secure = this.#spot("HTTPS", anyHost);
    secure.certificates = [...this.#certificates].map(([certificate, names]) => shownFor(certificate, names));
    return [
      { spot: plain, routes: routes(false), streams: [] },
      ...(this.#certificates.size > 0 ? [{ spot: secure, routes: routes(true), streams: [] }] : []),
      ...[...this.#own].map(([host, { spot, passes }]) => ({
        spot,
        routes: passes === undefined ? routes(true, host) : [],
        streams: passes === undefined ? [] : [{ name: host, hosts: [host], ...passes }],
      })),
    ];
  }
}

/** Whether a certificate's name stands for a host: its wildcard is one label (RFC 6125 section 6.4.3). */
const stands = (name: string, host: string): boolean =>
  name === host || (name.startsWith("*.") && name.slice(1) === host.slice(host.indexOf(".")));

/** Certificates with other names than their own: the same one as long as the names are. */
const renamed = new WeakMap<Certificate, Certificate>();

function shownFor(certificate: Certificate, names: ReadonlySet<string>): Certificate {
  const isSame = (each: Certificate | undefined): each is Certificate =>
    each?.names.length === names.size && each.names.every((name) => names.has(name));
  const before = [certificate, renamed.get(certificate)].find(isSame);
  if (before !== undefined) return before;
  const made = { ...certificate, names: [...names] };
  renamed.set(certificate, made);
  return made;
}

const asksClients = ({ clientTls }: Draft): boolean =>
  clientTls.secret !== undefined && clientTls.mode !== "off";

const askedOf = ({ metadata }: Ingress, { clientTls }: Draft): Draft["clientTls"] => ({
  ...clientTls,
  secret: ownKey(clientTls.secret ?? "", metadata.namespace ?? ""),
});

/** The certificate that an Ingress shows its backends, and the authorities that it verifies them by. */
export async function materialOf(
  ingress: Ingress,
  { backend: { secret, verify } }: Draft,
  { secrets, tell }: HostParts,
): Promise<BackendMaterial> {
  const none = { ca: undefined, certificate: undefined };
  if (secret === undefined) return none;
  const key = ownKey(secret, ingress.metadata.namespace ?? "");
  // Other authorities than its own must not vouch for a backend.
  const without = (problem: string): BackendMaterial => ({ ...none, ...(verify && { problem }) });
  if (key === undefined) {
    const why = `proxy-ssl-secret ${secret} is in another namespace`;
    tell(ingressEvent(ingress, "BadAnnotation", why));
    return without(why);
  }
  const data = secrets.secret(key)?.data ?? {};
  const certificate = "tls.crt" in data ? await secrets.certificate(key, "backends") : undefined;
  const ca = "ca.crt" in data || verify ? await secrets.authorities("Secret", key, "backends") : undefined;
  for (const loaded of [certificate, ca])
    if (loaded !== undefined && "problem" in loaded)
      tell(ingressEvent(ingress, "BadAnnotation", loaded.problem.message));
  if (ca !== undefined && "problem" in ca)
    return { ...without(ca.problem.message), certificate: loadedOf(certificate) };
  return { ca: loadedOf(ca), certificate: loadedOf(certificate) };
}

const loadedOf = <T>(loaded: { readonly value: T } | object | undefined): T | undefined =>
  loaded !== undefined && "value" in loaded ? (loaded.value as T) : undefined;
