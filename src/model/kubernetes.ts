/** How a Kubernetes cluster says what is served. */
export interface KubernetesSettings {
  /** A kubeconfig, its absolute path; empty: umay runs in a pod of the cluster. */
  readonly kubeconfig: string;
  /** GatewayClasses whose Gateways are served have its controller; without the right to read them, the one of this name. */
  readonly gatewayClass: string;
  readonly ingressClass: string;
  /** The controller by which GatewayClasses name this umay, and by which it marks its entries in statuses. */
  readonly gatewayController: string;
  /** The controller by which IngressClasses name this umay. */
  readonly ingressController: string;
  /** Ports of Ingresses. */
  readonly ingressPorts: { readonly http: number; readonly https: number };
  /** Whether the annotations of ingress-nginx count. */
  readonly nginxAnnotations: boolean;
  /** Empty: all. */
  readonly namespaces: readonly string[];
  /** The IP address on which the listeners of Gateways and Ingresses listen. */
  readonly host: string;
  /** Addresses of this machine of which each Gateway gets one of its own; empty: Gateways share {@link host}. */
  readonly addressPool: readonly string[];
  /** IP addresses and host names of the way in, for the status of Gateways and Ingresses; empty: those of {@link service}. */
  readonly addresses: readonly string[];
  /** `namespace/name` of the Service in front of umay; undefined: none is known. */
  readonly service: string | undefined;
  /** Whether statuses and events are written. */
  readonly status: boolean;
  /** The Lease in umay's own namespace by whose holder they are. */
  readonly lease: string;
}
