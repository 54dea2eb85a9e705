import { errorAt, type Finding, type Path, warningAt } from "../../../../lib/findings.ts";
import type { HttpFinding } from "../../../../model/check/finding.ts";
import type { Settings } from "../../schema.ts";

/** Where the file has what is at a path of the model below `routes`. */
export function placeOfRoute(path: Path, routes: Settings["routes"]): Path {
  const [table, name, part, ...below] = path;
  if (table !== "routes") return path;
  const route = routes[String(name)];
  if (part === "pools" && route?.pools === undefined) return [table, name!, "pool"];
  if (part === "pools") return [table, name!, part, ...below, "pool"];
  return path.map((step) => (step === "firstByte" ? "first_byte" : step));
}

const shown = (host: string): string => (host === "*" ? "any host" : `host ${host}`);

/** A finding about routes, in the words of TOML. */
export function tellHttpFinding(finding: HttpFinding, path: Path): Finding {
  switch (finding.kind) {
    case "equal_matches": {
      const message = `takes the same requests as routes.${finding.other}, of ${shown(finding.host)} and with the same priority; change one of their matches, or give one a higher priority`;
      return { ...errorAt(path, message), at: "key" };
    }
    case "never_reached": {
      const message = `is never reached: routes.${finding.by} comes first and takes all that it would; change priority or match of one, or remove it`;
      return { ...warningAt(path, message), at: "key" };
    }
    case "redirect_loop":
      return warningAt(path, "leads back to this route, so that clients go round in circles");
    case "no_certificate":
      return warningAt(
        path,
        `no certificate of listeners.${finding.listener} covers ${finding.host}; add one, or name the listeners that the route is for`,
      );
    case "idle_first":
      return warningAt(path, "has no effect: idle is shorter, and ends the request before");
    case "no_https":
      return warningAt(
        path,
        `sends clients to port ${finding.port}, and nothing speaks TLS there; add a listener with a tls table`,
      );
    case "asks_no_certificate":
      return warningAt(
        path,
        `an auth of it goes by the client's certificate, and listeners.${finding.listener} asks for none; add tls.client_auth there, or name the listeners that the route is for`,
      );
    case "calls_http1":
      return errorAt(
        path,
        `gets calls of gRPC, and pools.${finding.pool} speaks HTTP/1.1 to its backends; set pools.${finding.pool}.http.version = "2"`,
      );
    case "hashes_nothing":
      return warningAt(path, 'has no effect: no pool of this route has picker = "consistent-hash"');
  }
}
