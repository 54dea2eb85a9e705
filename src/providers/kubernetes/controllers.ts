/** By which GatewayClasses name umay, and umay its entries in statuses. */
export const gatewayController = "umay.dev/gateway-controller";

/** By which IngressClasses name umay. */
export const ingressController = "umay.dev/ingress-controller";
