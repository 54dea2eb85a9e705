import type { ClientAuth } from "../../../model/client-auth.ts";
import type { Certificate } from "../../../model/material.ts";
import type { FrontendTls, Gateway, ListenerSet, ListenerSpec } from "../gateway-api.ts";
import type { Problem } from "./conditions.ts";
import { hostOf } from "./hosts.ts";

export const protocols = ["HTTP", "HTTPS", "TLS", "TCP"] as const;
export type SpotProtocol = (typeof protocols)[number];

/** The kinds of routes of Gateway API. */
export const routeKinds = ["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute"] as const;
export type RouteKindName = (typeof routeKinds)[number];

/** The object that a listener stands in. */
export type SpotOwner =
  | { readonly kind: "Gateway"; readonly object: Gateway }
  | { readonly kind: "ListenerSet"; readonly object: ListenerSet };

/** Where connections come in: an address with a port. */
export interface Place {
  /** An IP address; of `::` and `0.0.0.0` any. */
  readonly host: string;
  readonly port: number;
}

export const placeText = ({ host, port }: Place): string => `${host} ${port}`;

/**
 * A listener of a Gateway or of a ListenerSet: a "listener" of umay is all of them with the same place. Its faults are
 * noted here while the cluster is gone through.
 */
export class Spot {
  readonly gateway: Gateway;
  readonly owner: SpotOwner;
  readonly spec: ListenerSpec;
  readonly place: Place;
  /** Undefined: umay has none of this name. */
  readonly protocol: SpotProtocol | undefined;
  readonly passthrough: boolean;
  /** `*`: any. */
  readonly hostname: string;
  /** Those that it takes. */
  readonly kinds: readonly RouteKindName[];
  /** It asks for kinds that it can't take. */
  readonly hasWrongKinds: boolean;
  /** Why it is not accepted. */
  refusal: Problem | undefined;
  /** The conflict, for the condition of this name. */
  conflict: Problem | undefined;
  /** References that lead nowhere. */
  readonly unresolved: Problem[] = [];
  overlap: Problem | undefined;
  certificates: readonly Certificate[] = [];
  clientAuth: ClientAuth | undefined;
  /** How many routes are attached. */
  attached = 0;

  constructor(gateway: Gateway, owner: SpotOwner, spec: ListenerSpec, host: string) {
    this.gateway = gateway;
    this.owner = owner;
    this.spec = spec;
    this.place = { host, port: spec.port };
    const protocol = spec.protocol.toUpperCase();
    this.protocol = protocols.find((each) => each === protocol);
    this.passthrough = this.protocol === "TLS" && spec.tls?.mode === "Passthrough";
    this.hostname = this.protocol === "TCP" ? "*" : hostOf(spec.hostname);
    const possible = kindsOf(this.protocol, this.passthrough);
    const asked = spec.allowedRoutes?.kinds ?? [];
    this.kinds =
      asked.length === 0
        ? possible
        : possible.filter((kind) => asked.some((each) => isOwnGroup(each.group) && each.kind === kind));
    this.hasWrongKinds = asked.some(
      ({ group, kind }) => !isOwnGroup(group) || !possible.some((each) => each === kind),
    );
  }

  /** `namespace/name/listener`. */
  get name(): string {
    const { namespace, name } = this.owner.object.metadata;
    return `${namespace}/${name}/${this.spec.name}`;
  }

  get namespace(): string {
    return this.owner.object.metadata.namespace ?? "";
  }

  /** Whether TLS ends here. */
  get terminates(): boolean {
    return this.protocol === "HTTPS" || (this.protocol === "TLS" && !this.passthrough);
  }

  get isAccepted(): boolean {
    return this.refusal === undefined && this.conflict === undefined;
  }

  /** Whether it can be served. */
  get isServed(): boolean {
    return this.isAccepted && !(this.terminates && this.certificates.length === 0);
  }
}

/** How clients of a listener show who they are. */
export function frontendTls({ gateway, place }: Spot): FrontendTls | undefined {
  const { frontend } = gateway.spec.tls ?? {};
  return frontend?.perPort?.find(({ port }) => port === place.port)?.tls ?? frontend?.default;
}

const gatewayGroup = "gateway.networking.k8s.io";

const isOwnGroup = (group = gatewayGroup): boolean => group === gatewayGroup;

function kindsOf(protocol: SpotProtocol | undefined, passthrough: boolean): readonly RouteKindName[] {
  switch (protocol) {
    case "HTTP":
    case "HTTPS":
      return ["HTTPRoute", "GRPCRoute"];
    case "TLS":
      return passthrough ? ["TLSRoute"] : ["TLSRoute", "TCPRoute"];
    case "TCP":
      return ["TCPRoute"];
    default:
      return [];
  }
}
