import type { Manifest } from "../apply.ts";

/* Objects of the proofs, all in the namespace `shop`. */

const gateway = "gateway.networking.k8s.io/v1";
export const namespace = "shop";

export const namespaceObject = (name: string): Manifest => ({
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name },
});

export const gatewayClass: Manifest = {
  apiVersion: gateway,
  kind: "GatewayClass",
  metadata: { name: "umay" },
  spec: { controllerName: "umay.dev/gateway-controller" },
};

/** With one listener for HTTP. */
export const gatewayObject = (name: string, port: number): Manifest => ({
  apiVersion: gateway,
  kind: "Gateway",
  metadata: { name, namespace },
  spec: { gatewayClassName: "umay", listeners: [{ name: "http", port, protocol: "HTTP" }] },
});

export const service = (name: string): Manifest => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace },
  spec: { ports: [{ name: "http", port: 80, targetPort: 8080 }] },
});

export type Readiness = "ready" | "terminating" | "gone";

/** The endpoints of a Service, on port 8080, by address. */
export const slice = (
  of: string,
  endpoints: Readonly<Record<string, Readiness>>,
  name = `${of}-1`,
): Manifest => ({
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: { name, namespace, labels: { "kubernetes.io/service-name": of } },
  addressType: "IPv4",
  ports: [{ name: "http", port: 8080, protocol: "TCP" }],
  endpoints: Object.entries(endpoints)
    .filter(([, state]) => state !== "gone")
    .map(([address, state]) => ({
      addresses: [address],
      conditions: { ready: state === "ready", serving: true, terminating: state === "terminating" },
    })),
});

/** Leads requests for a host to a Service. @param path what it matches. */
export const route = (name: string, host: string, to: string, path = "/"): Manifest => ({
  apiVersion: gateway,
  kind: "HTTPRoute",
  metadata: { name, namespace },
  spec: {
    parentRefs: [{ name: "web" }],
    hostnames: [host],
    rules: [
      {
        matches: [{ path: { type: "PathPrefix", value: path } }],
        backendRefs: [{ name: to, port: 80 }],
      },
    ],
  },
});
