import type { HttpRouteTable } from "../../http/route.ts";
import { routesOf } from "../../http/route.ts";
import type { Listener } from "../../listener.ts";
import type { ModelFinding } from "../finding.ts";

/** Guards that can let nobody in. @param listener whose requests the table takes. */
export function checkGuards({ name, tls }: Listener, table: HttpRouteTable): ModelFinding[] {
  if (tls.some(({ clientAuth }) => clientAuth !== undefined)) return [];
  const certificates = new Set(table.guards.filter(({ kind }) => kind === "mtls").map((guard) => guard.name));
  return [...routesOf(table)]
    .filter(({ guards }) => guards.some((group) => group.some((guard) => certificates.has(guard))))
    .map((route) => ({
      kind: "asks_no_certificate" as const,
      path: ["routes", route.name, "auth"],
      listener: name,
    }));
}
