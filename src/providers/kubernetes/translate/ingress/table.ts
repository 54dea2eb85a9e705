import { accessAnnotations } from "./access.ts";
import { backendAnnotations } from "./backend.ts";
import type { Annotation } from "./draft.ts";
import { routingAnnotations } from "./routing.ts";

/** How annotations of ingress-nginx begin. */
export const nginxPrefix = "nginx.ingress.kubernetes.io/";

/** Every annotation of ingress-nginx that has a key here, in the order in which they are taken. */
export const nginxAnnotations: ReadonlyMap<string, Annotation> = new Map([
  ...Object.entries(routingAnnotations),
  ...Object.entries(accessAnnotations),
  ...Object.entries(backendAnnotations),
]);
