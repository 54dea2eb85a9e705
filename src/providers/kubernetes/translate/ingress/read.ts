import type { Ingress } from "../../core.ts";
import type { Secrets } from "../secrets.ts";
import type { KubeEvent } from "../translation.ts";
import { type AnnotationContext, type Draft, emptyDraft } from "./draft.ts";
import { nginxAnnotations, nginxPrefix } from "./table.ts";
import { BadValue } from "./values.ts";

/** Annotations that only another controller has a use for: nothing that umay would have to do is lost with them. */
const idle: ReadonlySet<string> = new Set([
  "enable-rewrite-log",
  "connection-proxy-header",
  "http2-push-preload",
]);

/** Annotations that keep somebody out. */
const guarding = /^(?:auth-|satisfy$|(?:allow|white|deny)list-)/;

/** An event about an Ingress. */
export const ingressEvent = (
  { metadata: { name, namespace } }: Ingress,
  reason: string,
  message: string,
): KubeEvent => ({
  about: { kind: "Ingress", name, ...(namespace !== undefined && { namespace }) },
  type: "Warning",
  reason,
  message,
});

/** Reads the annotations of ingress-nginx. One that umay does not have is told, and so is a value that it can't take. */
export function readAnnotations(
  ingress: Ingress,
  secrets: Secrets,
  tell: (event: KubeEvent) => void,
  cluster: AnnotationContext["cluster"],
): Draft {
  const draft: Draft = { ...emptyDraft(), sslRedirect: "tls" };
  const given = new Map(
    Object.entries(ingress.metadata.annotations ?? {})
      .filter(([name]) => name.startsWith(nginxPrefix))
      .map(([name, value]) => [name.slice(nginxPrefix.length), value]),
  );
  const context = { namespace: ingress.metadata.namespace ?? "", cluster, secrets };
  for (const [name, annotation] of nginxAnnotations) {
    const value = given.get(name);
    if (value === undefined) continue;
    given.delete(name);
    try {
      annotation.take(value, draft, context);
    } catch (error) {
      if (!(error instanceof BadValue)) throw error;
      const message = `${nginxPrefix}${name}: ${JSON.stringify(value)} ${error.message}`;
      if (guarding.test(name)) draft.closed ??= message;
      tell(ingressEvent(ingress, "BadAnnotation", message));
    }
  }
  for (const name of given.keys())
    if (!idle.has(name))
      tell(ingressEvent(ingress, "UnknownAnnotation", `${nginxPrefix}${name} has nothing like it in umay`));
  return draft;
}
