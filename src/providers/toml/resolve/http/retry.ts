import { errorAt, type Path, warningAt } from "../../../../lib/findings.ts";
import { numbersOf } from "../../../../lib/ranges.ts";
import {
  idempotentMethods,
  type RetryPolicy,
  retryTriggerList,
  safeRetries,
} from "../../../../model/http/retry.ts";
import type { RetrySettings } from "../../schema/http/route.ts";
import type { Resolving } from "./context.ts";

/** @param path of the table. */
export function resolveRetry(
  settings: RetrySettings | undefined,
  path: Path,
  { report }: Resolving,
): RetryPolicy {
  if (settings === undefined) return safeRetries;
  const { attempts, on, methods, buffer, backoff } = settings;
  if (backoff.base > backoff.max)
    report(errorAt([...path, "backoff"], "base is longer than max; raise max or lower base"));
  const named = methods === "idempotent" ? idempotentMethods : methods;
  const hasBodies =
    (named === "all" || named.some((method) => method === "POST" || method === "PATCH")) &&
    methods !== "idempotent";
  if (hasBodies && buffer === 0)
    report(
      warningAt(
        [...path, "buffer"],
        "is 0, so no request with a body is sent again; raise it, or take POST out of methods",
      ),
    );
  const ranges = on.filter((cause) => /^\d/.test(cause));
  for (const range of ranges)
    if (numbersOf(range).length === 0)
      report(errorAt([...path, "on", on.indexOf(range)], `"${range}" is an empty range; swap its ends`));
  return {
    attempts,
    on: retryTriggerList.filter((trigger) => on.includes(trigger)),
    statuses: [...new Set(ranges.flatMap(numbersOf))],
    methods: named,
    buffer,
    backoff,
  };
}
