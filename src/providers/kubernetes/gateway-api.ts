import type { KubeObject, LabelSelector, ObjectReference } from "./meta.ts";

/*
 * Kinds of Gateway API.
 */

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

/** The parent that a route wants to be attached to. */
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
