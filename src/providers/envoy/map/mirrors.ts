import { errorAt } from "../../../lib/findings.ts";
import type { HttpMirror } from "../../../model/http/mirror.ts";
import type { Node } from "../node.ts";
import type { Mapping } from "./context.ts";
import { runtimePercent } from "./fraction.ts";

/** Copies under way at a time to a pool, in each worker. */
const mostCopies = 1_000;

/** The mirrors of a route: those of the first of these levels that has some. */
export function mapMirrors(levels: readonly Node[], { report }: Mapping): readonly HttpMirror[] {
  const policies = levels
    .map((level) => level.nodes("request_mirror_policies"))
    .find((each) => each.length > 0);
  return (policies ?? []).flatMap((policy): HttpMirror[] => {
    const pool = policy.text("cluster");
    const percent = runtimePercent(policy.node("runtime_fraction")) ?? 100;
    if (pool === "") report(errorAt(policy.path, "expected cluster"));
    return pool === "" || percent === 0 ? [] : [{ pool, percent, maxRequests: mostCopies }];
  });
}
