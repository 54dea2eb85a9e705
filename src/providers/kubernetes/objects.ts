/*
 * Kinds of Kubernetes and of its Gateway API, as far as umay reads them. The API server has checked them against their
 * schemas. Docs: kubernetes.io/docs/reference/kubernetes-api, gateway-api.sigs.k8s.io/reference/spec.
 */

export interface Meta {
  readonly name: string;
  /** Undefined: the kind has no namespaces. */
  readonly namespace?: string;
  readonly uid?: string;
  /** RFC 3339. */
  readonly creationTimestamp?: string;
  /** Set while it is being deleted. */
  readonly deletionTimestamp?: string;
  readonly generation?: number;
  readonly resourceVersion?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Any of them. */
export interface KubeObject {
  readonly metadata: Meta;
}

export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number;
}

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
    readonly values?: readonly string[];
  }[];
}

/** Names an object; where a part is missing, the default of its place counts. */
export interface ObjectReference {
  readonly group?: string;
  readonly kind?: string;
  readonly name: string;
  readonly namespace?: string;
}

// Gateway API

export interface GatewayClass extends KubeObject {
  readonly spec: {
    readonly controllerName: string;
    readonly parametersRef?: ObjectReference;
  };
}

export interface RouteKind {
  readonly group?: string;
  readonly kind: string;
}

export interface Namespaces {
  readonly from?: "All" | "Selector" | "Same" | "None";
  readonly selector?: LabelSelector;
}

/** A listener of a Gateway or of a ListenerSet. */
export interface ListenerSpec {
  readonly name: string;
  readonly hostname?: string;
  readonly port: number;
  readonly protocol: string;
  readonly tls?: {
    readonly mode?: "Terminate" | "Passthrough";
    readonly certificateRefs?: readonly ObjectReference[];
    readonly options?: Readonly<Record<string, string>>;
  };
  readonly allowedRoutes?: {
    readonly namespaces?: Namespaces;
    readonly kinds?: readonly RouteKind[];
  };
}

/** How clients show who they are. */
export interface FrontendTls {
  readonly validation?: {
    readonly caCertificateRefs: readonly ObjectReference[];
    readonly mode?: "AllowValidOnly" | "AllowInsecureFallback";
  };
}

export interface GatewayAddress {
  readonly type?: string;
  readonly value?: string;
}

export interface Gateway extends KubeObject {
  readonly spec: {
    readonly gatewayClassName: string;
    readonly listeners: readonly ListenerSpec[];
    readonly addresses?: readonly GatewayAddress[];
    readonly infrastructure?: { readonly parametersRef?: ObjectReference };
    readonly allowedListeners?: { readonly namespaces?: Namespaces };
    readonly tls?: {
      readonly backend?: { readonly clientCertificateRef?: ObjectReference };
      readonly frontend?: {
        readonly default: FrontendTls;
        readonly perPort?: readonly { readonly port: number; readonly tls: FrontendTls }[];
      };
    };
  };
  readonly status?: { readonly addresses?: readonly GatewayAddress[] };
}

export interface ListenerSet extends KubeObject {
  readonly spec: {
    readonly parentRef: ObjectReference;
    readonly listeners: readonly ListenerSpec[];
  };
}

/** What a route wants to be attached to. */
export interface ParentReference extends ObjectReference {
  /** The name of a listener. */
  readonly sectionName?: string;
  readonly port?: number;
}

export interface BackendReference extends ObjectReference {
  readonly port?: number;
  readonly weight?: number;
}

export interface RouteSpec {
  readonly parentRefs?: readonly ParentReference[];
  readonly hostnames?: readonly string[];
}

export interface NamedValue {
  readonly name: string;
  readonly value: string;
}

export interface HeaderModifier {
  readonly set?: readonly NamedValue[];
  readonly add?: readonly NamedValue[];
  readonly remove?: readonly string[];
}

export interface PathModifier {
  readonly type: "ReplaceFullPath" | "ReplacePrefixMatch";
  readonly replaceFullPath?: string;
  readonly replacePrefixMatch?: string;
}

export interface RequestMirror {
  readonly backendRef: BackendReference;
  readonly percent?: number;
  readonly fraction?: { readonly numerator: number; readonly denominator?: number };
}

export interface CorsFilter {
  readonly allowOrigins?: readonly string[];
  readonly allowCredentials?: boolean;
  readonly allowMethods?: readonly string[];
  readonly allowHeaders?: readonly string[];
  readonly exposeHeaders?: readonly string[];
  /** In seconds. */
  readonly maxAge?: number;
}

/** Of HTTPRoutes and GRPCRoutes. */
export interface RouteFilter {
  readonly type: string;
  readonly requestHeaderModifier?: HeaderModifier;
  readonly responseHeaderModifier?: HeaderModifier;
  readonly requestMirror?: RequestMirror;
  readonly requestRedirect?: {
    readonly scheme?: string;
    readonly hostname?: string;
    readonly path?: PathModifier;
    readonly port?: number;
    readonly statusCode?: number;
  };
  readonly urlRewrite?: { readonly hostname?: string; readonly path?: PathModifier };
  readonly cors?: CorsFilter;
  readonly extensionRef?: ObjectReference;
}

export interface FilteredBackendReference extends BackendReference {
  readonly filters?: readonly RouteFilter[];
}

/** Of a header or a query parameter. */
export interface NamedMatch extends NamedValue {
  readonly type?: string;
}

export interface HttpRouteMatch {
  readonly path?: { readonly type?: string; readonly value?: string };
  readonly headers?: readonly NamedMatch[];
  readonly queryParams?: readonly NamedMatch[];
  readonly method?: string;
}

export interface SessionPersistence {
  readonly sessionName?: string;
  readonly type?: string;
  readonly absoluteTimeout?: string;
  readonly idleTimeout?: string;
  readonly cookieConfig?: { readonly lifetimeType?: string };
}

export interface HttpRouteRule {
  readonly name?: string;
  readonly matches?: readonly HttpRouteMatch[];
  readonly filters?: readonly RouteFilter[];
  readonly backendRefs?: readonly FilteredBackendReference[];
  readonly timeouts?: { readonly request?: string; readonly backendRequest?: string };
  readonly retry?: {
    readonly codes?: readonly number[];
    readonly attempts?: number;
    readonly backoff?: string;
  };
  readonly sessionPersistence?: SessionPersistence;
}

export interface HttpRoute extends KubeObject {
  readonly spec: RouteSpec & { readonly rules?: readonly HttpRouteRule[] };
}

export interface GrpcRouteRule {
  readonly name?: string;
  readonly matches?: readonly {
    readonly method?: { readonly type?: string; readonly service?: string; readonly method?: string };
    readonly headers?: readonly NamedMatch[];
  }[];
  readonly filters?: readonly RouteFilter[];
  readonly backendRefs?: readonly FilteredBackendReference[];
  readonly sessionPersistence?: SessionPersistence;
}

export interface GrpcRoute extends KubeObject {
  readonly spec: RouteSpec & { readonly rules?: readonly GrpcRouteRule[] };
}

/** Of TLSRoutes and TCPRoutes. */
export interface StreamRouteRule {
  readonly name?: string;
  readonly backendRefs?: readonly BackendReference[];
}

/** TCPRoutes have no hostnames. */
export interface StreamRoute extends KubeObject {
  readonly spec: RouteSpec & { readonly rules: readonly StreamRouteRule[] };
}

export interface ReferenceGrant extends KubeObject {
  readonly spec: {
    readonly from: readonly { readonly group: string; readonly kind: string; readonly namespace: string }[];
    readonly to: readonly { readonly group: string; readonly kind: string; readonly name?: string }[];
  };
}

export interface BackendTlsPolicy extends KubeObject {
  readonly spec: {
    readonly targetRefs: readonly (ObjectReference & { readonly sectionName?: string })[];
    readonly validation: {
      readonly hostname: string;
      readonly caCertificateRefs?: readonly ObjectReference[];
      readonly wellKnownCACertificates?: string;
      readonly subjectAltNames?: readonly {
        readonly type: "Hostname" | "URI";
        readonly hostname?: string;
        readonly uri?: string;
      }[];
    };
    readonly options?: Readonly<Record<string, string>>;
  };
}

// Ingress

export interface IngressBackend {
  readonly service?: {
    readonly name: string;
    readonly port?: { readonly name?: string; readonly number?: number };
  };
  readonly resource?: ObjectReference;
}

export interface IngressPath {
  readonly path?: string;
  readonly pathType: "Exact" | "Prefix" | "ImplementationSpecific";
  readonly backend: IngressBackend;
}

export interface Ingress extends KubeObject {
  readonly spec?: {
    readonly ingressClassName?: string;
    readonly defaultBackend?: IngressBackend;
    readonly tls?: readonly { readonly hosts?: readonly string[]; readonly secretName?: string }[];
    readonly rules?: readonly {
      readonly host?: string;
      readonly http?: { readonly paths: readonly IngressPath[] };
    }[];
  };
}

export interface IngressClass extends KubeObject {
  readonly spec?: { readonly controller?: string; readonly parameters?: ObjectReference };
}

// Core

export interface ServicePort {
  readonly name?: string;
  readonly port: number;
  readonly protocol?: string;
  readonly appProtocol?: string;
}

export interface Service extends KubeObject {
  readonly spec?: {
    readonly type?: string;
    readonly externalName?: string;
    readonly ports?: readonly ServicePort[];
    readonly externalIPs?: readonly string[];
    readonly clusterIP?: string;
  };
  readonly status?: {
    readonly loadBalancer?: {
      readonly ingress?: readonly { readonly ip?: string; readonly hostname?: string }[];
    };
  };
}

export interface EndpointSlice extends KubeObject {
  readonly addressType: "IPv4" | "IPv6" | "FQDN";
  readonly endpoints?: readonly {
    readonly addresses: readonly string[];
    readonly conditions?: {
      readonly ready?: boolean;
      readonly serving?: boolean;
      readonly terminating?: boolean;
    };
    readonly zone?: string;
  }[];
  readonly ports?: readonly {
    readonly name?: string;
    readonly port?: number;
    readonly protocol?: string;
    readonly appProtocol?: string;
  }[];
}

export interface Secret extends KubeObject {
  readonly type?: string;
  /** Base64. */
  readonly data?: Readonly<Record<string, string>>;
}

export interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

export interface Namespace extends KubeObject {}

/** Objects by `namespace/name`, or by their name alone where the kind has no namespaces. */
export type Objects<Kind extends KubeObject> = ReadonlyMap<string, Kind>;

/**
 * All that umay knows of a cluster. An object that did not change is the same object as before: what was made of it is kept
 * by that.
 */
export interface Cluster {
  readonly gatewayClasses: Objects<GatewayClass>;
  readonly gateways: Objects<Gateway>;
  readonly listenerSets: Objects<ListenerSet>;
  readonly httpRoutes: Objects<HttpRoute>;
  readonly grpcRoutes: Objects<GrpcRoute>;
  readonly tlsRoutes: Objects<StreamRoute>;
  readonly tcpRoutes: Objects<StreamRoute>;
  readonly referenceGrants: Objects<ReferenceGrant>;
  readonly backendTlsPolicies: Objects<BackendTlsPolicy>;
  readonly ingresses: Objects<Ingress>;
  readonly ingressClasses: Objects<IngressClass>;
  readonly services: Objects<Service>;
  readonly endpointSlices: Objects<EndpointSlice>;
  /** Those that {@link Translation} asked for, as far as they are there. */
  readonly secrets: Objects<Secret>;
  readonly configMaps: Objects<ConfigMap>;
  readonly namespaces: Objects<Namespace>;
}

/** `namespace/name`, or the name alone. */
export const keyOf = ({ metadata: { namespace, name } }: KubeObject): string =>
  namespace === undefined ? name : `${namespace}/${name}`;
