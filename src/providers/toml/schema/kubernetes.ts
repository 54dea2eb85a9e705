import { isIP } from "node:net";
import * as z from "zod";
import { integer, path } from "./values.ts";

/** The name of a namespace or an object (RFC 1123 section 2.1). */
const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const subdomain = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

const className = z
  .string({ error: "expected the name of a class" })
  .regex(subdomain, { error: "expected the name of a class, such as umay" });

const controller = (example: string) =>
  z
    .string({ error: "expected the name of a controller" })
    .max(250, { error: "expected a name of at most 250 characters" })
    .regex(/^[a-z0-9][-a-z0-9.]*\/[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/, {
      error: `expected a domain and a path, such as ${example}`,
    })
    .prefault(example);

const ipAddress = z
  .string({ error: "expected an IP address" })
  .refine((text) => isIP(text) !== 0, { error: 'expected an IP address, such as "0.0.0.0"' });

const port = integer(0, 65_535, "expected a port from 0 to 65535");

export const kubernetes = z.strictObject({
  kubeconfig: path.optional().meta({
    description: "A kubeconfig; its present context counts.",
    "x-default": "the service account of the pod that umay runs in",
  }),
  namespaces: z
    .array(
      z
        .string({ error: "expected the name of a namespace" })
        .regex(label, { error: "expected the name of a namespace" }),
      { error: 'expected a list, such as ["default"]' },
    )
    .max(100, { error: "expected at most 100 namespaces" })
    .prefault([])
    .describe(
      "The namespaces that are read. Then umay needs Roles in them and no ClusterRole. Empty: all of them.",
    ),
  gateway_class: className
    .prefault("umay")
    .describe(
      "With namespaces, the GatewayClass whose Gateways are served. Without, umay serves every class that names its controller.",
    ),
  ingress_class: z
    .union([z.literal(""), className], { error: "expected the name of a class, such as umay" })
    .prefault("umay")
    .describe(
      "With namespaces, the IngressClass that is served. Without, as for gateway_class. Empty: no Ingress is served.",
    ),
  gateway_controller: controller("umay.dev/gateway-controller").describe(
    "The controllerName of the GatewayClasses that are served. Installations that share a cluster need one each.",
  ),
  ingress_controller: controller("umay.dev/ingress-controller").describe(
    "The controller of the IngressClasses that are served. Installations that share a cluster need one each.",
  ),
  ingress_http_port: port.prefault(80).describe("The port on which Ingresses are served without TLS."),
  ingress_https_port: port.prefault(443).describe("The port on which Ingresses are served with TLS."),
  ingress_nginx_annotations: z
    .boolean({ error: "expected true or false" })
    .prefault(false)
    .describe("Whether the annotations of ingress-nginx count that umay has keys for."),
  bind: ipAddress.optional().meta({
    description: "The IP address on which listeners of the cluster listen.",
    "x-default": "`::`, or `0.0.0.0` on a machine without IPv6",
  }),
  address_pool: z
    .array(ipAddress, { error: 'expected a list, such as ["10.0.0.1", "10.0.0.2"]' })
    .max(256, { error: "expected at most 256 addresses" })
    .prefault([])
    .describe(
      "Addresses of this machine of which each Gateway gets one of its own. Empty: all Gateways share bind.",
    ),
  addresses: z
    .array(z.string({ error: "expected an IP address or a host name" }).min(1).max(253), {
      error: 'expected a list, such as ["192.0.2.1"]',
    })
    .max(16, { error: "expected at most 16 addresses" })
    .prefault([])
    .describe(
      "IP addresses and host names that clients come by, for the status of Gateways and Ingresses. Empty: those of service.",
    ),
  service: z
    .string({ error: 'expected "namespace/name"' })
    .regex(/^[a-z0-9-]{1,63}\/[a-z0-9-]{1,63}$/, { error: 'expected "namespace/name"' })
    .optional()
    .meta({
      description: "The Service in front of umay, whose addresses statuses have.",
      "x-default": "none",
    }),
  status: z
    .boolean({ error: "expected true or false" })
    .prefault(true)
    .describe("Whether statuses and events are written. The replica that holds the Lease writes them."),
  lease: z
    .string({ error: "expected the name of a Lease" })
    .regex(subdomain, { error: "expected the name of a Lease, such as umay-leader" })
    .prefault("umay-leader")
    .describe(
      "The Lease in umay's own namespace whose holder writes. Installations that share a namespace need one each.",
    ),
});

export type KubernetesTable = z.output<typeof kubernetes>;
