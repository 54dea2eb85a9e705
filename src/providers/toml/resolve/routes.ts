import { errorAt, type Finding, type Path, warningAt } from "../../../lib/findings.ts";
import type { Listener } from "../../../model/listener.ts";
import { seesNames } from "./pools.ts";

/** Routes that can never match, and modes that contradict other keys. */
export function checkRoutes(listener: Listener): Finding[] {
  const { name, mode, tls, detect, routes } = listener;
  const path: Path = ["listeners", name];
  const findings: Finding[] = [];
  if (mode === "passthrough" && tls !== undefined)
    findings.push(
      errorAt(
        [...path, "tls"],
        'mode = "passthrough" does not terminate TLS; remove this table, or the mode',
      ),
    );
  if (detect && tls?.clientAuth?.mode === "require") {
    const message =
      "lets clients without TLS in, and they have no certificate; remove it, or tls.client_auth";
    findings.push(errorAt([...path, "detect"], message));
  }
  routes.forEach((route, index) => {
    const at = [...path, "routes", index];
    const passes = route.passthrough || mode === "passthrough";
    if (route.sni.length + route.alpn.length + route.protocol.length === 0)
      findings.push(
        warningAt(at, "has no condition: it takes every session, and pool and later routes none"),
      );
    if (route.protocol.length > 0 && !detect)
      findings.push(errorAt([...at, "protocol"], "needs detect = true on the listener"));
    for (const key of ["sni", "alpn"] as const)
      if (route[key].length > 0 && !seesNames(listener))
        findings.push(
          errorAt([...at, key], 'needs TLS; add a tls table to the listener, or mode = "passthrough"'),
        );
    const strangers =
      passes || tls === undefined ? [] : route.alpn.filter((protocol) => !tls.alpn.includes(protocol));
    if (strangers.length > 0)
      findings.push(
        errorAt(
          [...at, "alpn"],
          `${strangers.map((protocol) => JSON.stringify(protocol)).join(", ")} is never negotiated; add it to listeners.${name}.tls.alpn`,
        ),
      );
  });
  return findings;
}
