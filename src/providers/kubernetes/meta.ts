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

/** `namespace/name`, or the name alone. */
export const keyOf = ({ metadata: { namespace, name } }: KubeObject): string =>
  namespace === undefined ? name : `${namespace}/${name}`;
