import { formatAddress } from "../../../lib/address.ts";
import { errorAt, type Finding, type Path, warningAt } from "../../../lib/findings.ts";
import { didYouMean } from "../../../lib/suggest.ts";
import type { ModelFinding } from "../../../model/check/finding.ts";
import type { Settings } from "../schema.ts";
import { formatPath } from "../tree.ts";
import { placeInFile } from "./chains.ts";
import { placeOfRoute, tellHttpFinding } from "./http/findings.ts";

/**
 * A finding about the model as a finding about the file, in the words of TOML.
 * @param poolNames of every pool that the configuration names.
 * @param routes as the file has them.
 */
export function tellFinding(
  finding: ModelFinding,
  poolNames: readonly string[],
  routes: Settings["routes"],
): Finding {
  const path = placeInFile(finding.path);
  switch (finding.kind) {
    case "bind_taken": {
      const [mine, theirs] = [formatAddress(finding.address), formatAddress(finding.by.address)];
      const relation = mine === theirs ? "is" : `overlaps with ${theirs}, which is`;
      const taker = formatPath(finding.by.path);
      return errorAt(path, `${mine} ${relation} already taken by ${taker}; choose another port or address`);
    }
    case "duplicate_name":
      return errorAt(path, `${JSON.stringify(finding.name)} is there twice; choose another name`);
    case "unknown_pool":
      return tellUnknownPool(placeOfRoute(path, routes), finding.pool, poolNames);
    case "unused_pool":
      return {
        ...warningAt(path, "no listener or route uses this pool; name it in one, or remove it"),
        at: "key",
      };
    case "leads_back":
      return errorAt(
        path,
        `${finding.address} is where listeners.${finding.listener} accepts: each connection would come back here and make another one, without end; name another backend`,
      );
    case "hashes_no_name": {
      const nameless = finding.listeners.map((name) => `listeners.${name}`).join(", ");
      return warningAt(
        path,
        `key = "sni" needs TLS, which ${nameless} does not have: all its sessions go to one backend; use key = "source-ip"`,
      );
    }
    case "takes_all":
      return warningAt(path, "has no condition: it takes every session, and pool and later routes none");
    case "rule_hidden":
      return warningAt(path, `nothing reaches this route, because ${finding.by} takes all of it; move it up`);
    case "rule_twice":
      return warningAt(path, `has the conditions of ${finding.by}, which comes first; remove one of them`);
    case "name_uncovered":
      return warningAt(
        path,
        `no certificate of the listener covers ${finding.name}: clients refuse the connection; add one, or pass TLS through`,
      );
    case "unknown_tls":
      return errorAt(path, "needs tls on the listener");
    case "leaves_some":
      return errorAt(path, "leaves some connections without a pool");
    case "protocol_not_detected":
      return errorAt(path, "needs detect = true on the listener");
    case "needs_tls":
      return errorAt(path, 'needs TLS; add a tls table to the listener, or mode = "passthrough"');
    case "never_negotiated": {
      const protocols = finding.protocols.map((protocol) => JSON.stringify(protocol)).join(", ");
      return errorAt(path, `${protocols} is never negotiated; add it to listeners.${path[1]}.tls.alpn`);
    }
    case "lets_plain_in":
      return errorAt(
        path,
        "lets clients without TLS in, and they have no certificate; remove it, or tls.client_auth",
      );
    default:
      return tellHttpFinding(finding, placeOfRoute(path, routes));
  }
}

function tellUnknownPool(path: Path, pool: string, poolNames: readonly string[]): Finding {
  const known =
    poolNames.length === 0 ? "there are no pools" : `pools are ${poolNames.slice(0, 10).join(", ")}`;
  const message = `no pool is named ${JSON.stringify(pool)}; add a table [pools.${pool}], ${known}`;
  return errorAt(path, message, didYouMean(pool, poolNames));
}
