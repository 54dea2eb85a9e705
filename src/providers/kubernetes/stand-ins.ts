import type { KubernetesSettings } from "../../model/kubernetes.ts";
import type { KindName } from "./client/kinds.ts";
import type { IngressClass, Namespace } from "./core.ts";
import type { GatewayClass } from "./gateway-api.ts";
import type { KubeObject } from "./meta.ts";

/** Objects of kinds without a namespace, which umay may not read where it is to read some namespaces only. */
export function standIns(settings: KubernetesSettings): readonly (readonly [KindName, KubeObject])[] {
  const { gatewayClass, ingressClass, gatewayController, ingressController, namespaces } = settings;
  const ofGateways: GatewayClass = {
    metadata: { name: gatewayClass },
    spec: { controllerName: gatewayController },
  };
  const ofIngresses: IngressClass = {
    metadata: { name: ingressClass },
    spec: { controller: ingressController },
  };
  return [
    ["gatewayClasses", ofGateways],
    ...(ingressClass === "" ? [] : [["ingressClasses", ofIngresses] as const]),
    ...namespaces.map((name): readonly [KindName, Namespace] => [
      "namespaces",
      { metadata: { name, labels: { "kubernetes.io/metadata.name": name } } },
    ]),
  ];
}
