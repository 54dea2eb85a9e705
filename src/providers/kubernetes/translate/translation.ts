import type { Model } from "../../../model/model.ts";
import type { Defaults } from "../../toml/defaults.ts";
import type { GatewayAddress, ParentReference, RouteKind } from "../gateway-api.ts";
import type { Condition, ObjectReference } from "../meta.ts";
import type { Compiler } from "./trial.ts";

/** The settings of a translation. */
export interface TranslateOptions {
  /** Of the GatewayClasses whose Gateways are served. */
  readonly controllerName: string;
  /** The controller of the IngressClasses whose Ingresses are served. */
  readonly ingressController: string;
  /** The class that an Ingress may name, also where there is no IngressClass; empty: no Ingress is served. */
  readonly ingressClass: string;
  /** Whether annotations of ingress-nginx count. */
  readonly nginxAnnotations: boolean;
  /** Ports of Ingresses. */
  readonly ingressPorts: { readonly http: number; readonly https: number };
  /** The address that listeners bind to, such as `0.0.0.0` or `::`. */
  readonly host: string;
  /** Where clients reach umay, as far as that is known: written to statuses. */
  readonly addresses: readonly GatewayAddress[];
  /** Addresses of this machine, of which each Gateway gets one of its own; empty: Gateways share ports. */
  readonly addressPool: readonly string[];
  /** Ports that could not be bound, with the reason: their listeners are left out. */
  readonly unavailablePorts: ReadonlyMap<number, string>;
  readonly defaults: Defaults;
  /** Tries rules before workers do. */
  readonly compiler: Compiler;
}

/** A condition as it is written, but for the time of its last change. */
export type { Condition };

export interface ConditionsStatus {
  readonly conditions: readonly Condition[];
}

export interface GatewayClassStatus extends ConditionsStatus {
  /** Sorted by name. */
  readonly supportedFeatures: readonly { readonly name: string }[];
}

export interface ListenerStatus extends ConditionsStatus {
  readonly name: string;
  readonly supportedKinds: readonly RouteKind[];
  readonly attachedRoutes: number;
}

export interface GatewayStatus extends ConditionsStatus {
  readonly addresses: readonly GatewayAddress[];
  readonly listeners: readonly ListenerStatus[];
  readonly attachedListenerSets?: number;
}

export interface ListenerSetStatus extends ConditionsStatus {
  readonly listeners: readonly ListenerStatus[];
}

/** Those of other controllers stay. */
export interface RouteStatus {
  readonly parents: readonly (ConditionsStatus & {
    readonly parentRef: ParentReference;
    readonly controllerName: string;
  })[];
}

/** Those of other controllers stay. */
export interface PolicyStatus {
  readonly ancestors: readonly (ConditionsStatus & {
    readonly ancestorRef: ParentReference;
    readonly controllerName: string;
  })[];
}

export interface IngressStatus {
  readonly loadBalancer: {
    readonly ingress: readonly { readonly ip?: string; readonly hostname?: string }[];
  };
}

/** The status of an object, by its kind. */
export interface Statuses {
  readonly GatewayClass: GatewayClassStatus;
  readonly Gateway: GatewayStatus;
  readonly ListenerSet: ListenerSetStatus;
  readonly HTTPRoute: RouteStatus;
  readonly GRPCRoute: RouteStatus;
  readonly TLSRoute: RouteStatus;
  readonly TCPRoute: RouteStatus;
  readonly BackendTLSPolicy: PolicyStatus;
  readonly Ingress: IngressStatus;
}

export type StatusKind = keyof Statuses;
export type Status = {
  [Kind in StatusKind]: { readonly kind: Kind; readonly status: Statuses[Kind] };
}[StatusKind];

/** Something that the owner of an object should hear. */
export interface KubeEvent {
  /** The object that it is about. */
  readonly about: Required<Pick<ObjectReference, "kind" | "name">> & Pick<ObjectReference, "namespace">;
  readonly type: "Normal" | "Warning";
  /** In CamelCase. */
  readonly reason: string;
  readonly message: string;
}

/** The outcome of translating a cluster. */
export interface Translation {
  readonly model: Pick<Model, "listeners" | "pools" | "routeTables">;
  /** By `kind/namespace/name`, or `kind/name`; as they are to be once the model is served. */
  readonly statuses: ReadonlyMap<string, Status>;
  readonly events: readonly KubeEvent[];
  /** Objects that are referred to, by `namespace/name`, whether they are there or not. */
  readonly secretsWanted: ReadonlySet<string>;
  readonly configMapsWanted: ReadonlySet<string>;
}
