import type { Listener } from "../listener.ts";
import type { ModelFinding } from "./finding.ts";
import { seesNames } from "./pools.ts";

/** Routes that can never match or leave nothing to later ones, and settings that contradict each other. */
export function checkRoutes(listener: Listener): readonly ModelFinding[] {
  const { name, mode, tls, detect, routes } = listener;
  const path = ["listeners", name];
  const findings: ModelFinding[] = [];
  if (detect && tls?.clientAuth?.mode === "require")
    findings.push({ kind: "lets_plain_in", path: [...path, "detect"] });
  routes.forEach((route, index) => {
    const at = [...path, "routes", index];
    if (route.sni.length + route.alpn.length + route.protocol.length === 0)
      findings.push({ kind: "takes_all", path: at });
    if (route.protocol.length > 0 && !detect)
      findings.push({ kind: "protocol_not_detected", path: [...at, "protocol"] });
    for (const key of ["sni", "alpn"] as const)
      if (route[key].length > 0 && !seesNames(listener))
        findings.push({ kind: "needs_tls", path: [...at, key] });
    const terminated = !route.passthrough && mode !== "passthrough" && tls !== undefined;
    const protocols = terminated ? route.alpn.filter((protocol) => !tls.alpn.includes(protocol)) : [];
    if (protocols.length > 0) findings.push({ kind: "never_negotiated", path: [...at, "alpn"], protocols });
  });
  return findings;
}
