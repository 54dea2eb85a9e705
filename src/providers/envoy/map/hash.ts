import { errorAt } from "../../../lib/findings.ts";
import type { HashKey } from "../../../model/http/route.ts";
import type { Node } from "../node.ts";
import type { Mapping } from "./context.ts";

/** The hash policies of a route, in their order. */
export const mapHash = (forward: Node, { report }: Mapping): readonly HashKey[] =>
  forward.nodes("hash_policy").flatMap((policy): HashKey[] => {
    const header = policy.node("header");
    if (header !== undefined) return [{ kind: "header", name: header.text("header_name").toLowerCase() }];
    const cookie = policy.node("cookie");
    if (cookie !== undefined) return [{ kind: "cookie", name: cookie.text("name") }];
    const parameter = policy.node("query_parameter");
    if (parameter !== undefined) return [{ kind: "query", name: parameter.text("name") }];
    if (policy.node("connection_properties")?.flag("source_ip") === true) return [{ kind: "source-ip" }];
    report(
      errorAt(policy.path, "expected header, cookie, query_parameter or connection_properties.source_ip"),
    );
    return [];
  });
