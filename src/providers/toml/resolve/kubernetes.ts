import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import { resolve } from "node:path";
import type { KubernetesSettings } from "../../../model/kubernetes.ts";
import type { KubernetesTable } from "../schema/kubernetes.ts";

/** @returns undefined without a table. @param directory where relative paths start. */
export function resolveKubernetes(
  table: KubernetesTable | undefined,
  directory: string,
): KubernetesSettings | undefined {
  if (table === undefined) return undefined;
  const { kubeconfig, namespaces, addresses, service, status } = table;
  return {
    kubeconfig: kubeconfig === undefined ? "" : resolve(directory, kubeconfig),
    namespaces,
    gatewayClass: table.gateway_class,
    ingressClass: table.ingress_class,
    gatewayController: table.gateway_controller,
    ingressController: table.ingress_controller,
    ingressPorts: { http: table.ingress_http_port, https: table.ingress_https_port },
    nginxAnnotations: table.ingress_nginx_annotations,
    host: table.bind ?? (hasIpv6() ? "::" : "0.0.0.0"),
    addressPool: table.address_pool,
    addresses,
    service,
    status,
    lease: table.lease,
  };
}

const hasIpv6 = (): boolean =>
  Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => isIPv6(address)));
