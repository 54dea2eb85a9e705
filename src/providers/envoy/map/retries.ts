import { errorAt, warningAt } from "../../../lib/findings.ts";
import { didYouMean } from "../../../lib/suggest.ts";
import { type RetryPolicy, type RetryTrigger, retryTriggerList } from "../../../model/http/retry.ts";
import type { HttpRoute } from "../../../model/http/route.ts";
import type { Node } from "../node.ts";
import type { Mapping } from "./context.ts";

interface Causes {
  readonly on: readonly RetryTrigger[];
  readonly statuses: readonly number[];
}

const none: Causes = { on: [], statuses: [] };
const resets: readonly RetryTrigger[] = [
  "connect-failed",
  "refused-stream",
  "reused-reset",
  "reset",
  "try-timeout",
];
const serverErrors = Array.from({ length: 100 }, (_, index) => 500 + index);

/** Envoy's `retry_on`, as causes of umay's. Statuses count where a backend answered. */
const causes: Readonly<Record<string, Causes>> = {
  "5xx": { on: resets, statuses: serverErrors },
  "gateway-error": { on: resets, statuses: [502, 503, 504] },
  reset: { on: resets, statuses: [] },
  "reset-before-request": { on: ["connect-failed", "refused-stream"], statuses: [] },
  "connect-failure": { on: ["connect-failed"], statuses: [] },
  "refused-stream": { on: ["refused-stream"], statuses: [] },
  cancelled: { on: ["grpc-cancelled"], statuses: [] },
  "deadline-exceeded": { on: ["grpc-deadline-exceeded"], statuses: [] },
  internal: { on: ["grpc-internal"], statuses: [] },
  "resource-exhausted": { on: ["grpc-resource-exhausted"], statuses: [] },
  unavailable: { on: ["grpc-unavailable"], statuses: [] },
  "retriable-4xx": { on: [], statuses: [409] },
  "retriable-status-codes": none,
  "http3-post-connect-failure": none,
};

/** Causes that umay does not look for. */
const unknown: ReadonlySet<string> = new Set(["envoy-ratelimited", "retriable-headers"]);

/** In bytes: what Envoy keeps of a request's body where nothing else is said. */
const usualBuffer = 1_048_576;
/** In milliseconds. */
const usualBackoff = 25;

/**
 * The retry policy of a route, else of its virtual host. Without one umay's own rule counts: once, and only what surely does no
 * harm.
 * @param policy undefined: there is none. @param buffer how much of a body may be kept, in bytes.
 */
export function mapRetry(
  policy: Node | undefined,
  buffer: number | undefined,
  mapping: Mapping,
): Pick<HttpRoute, "retry"> & { readonly try: number | undefined } {
  const usual = mapping.defaults.route.retry;
  if (policy === undefined) return { retry: usual, try: undefined };
  const { on, statuses } = causesOf(policy, mapping);
  const backoff = policy.node("retry_back_off");
  const base = backoff?.number("base_interval") ?? usualBackoff;
  const retry: RetryPolicy = {
    attempts: policy.number("num_retries") ?? 1,
    on: retryTriggerList.filter((trigger) => on.has(trigger) || usual.on.includes(trigger)),
    statuses,
    methods: "all",
    buffer: buffer ?? usualBuffer,
    backoff: { base, max: Math.max(base, backoff?.number("max_interval") ?? 10 * base) },
  };
  return { retry, try: policy.number("per_try_timeout") || undefined };
}

function causesOf(policy: Node, { report }: Mapping): { on: Set<RetryTrigger>; statuses: readonly number[] } {
  const on = new Set<RetryTrigger>();
  const statuses = new Set<number>();
  const names = policy.text("retry_on").split(",");
  for (const name of names.map((text) => text.trim()).filter((text) => text !== "")) {
    const found = causes[name];
    if (found === undefined) {
      const at = policy.at("retry_on");
      if (unknown.has(name)) report(warningAt(at, `${name} has no effect: umay does not look for it`));
      else
        report(
          errorAt(
            at,
            `has ${JSON.stringify(name)}, which is no cause`,
            didYouMean(name, Object.keys(causes)),
          ),
        );
      continue;
    }
    for (const trigger of found.on) on.add(trigger);
    for (const status of found.statuses) statuses.add(status);
  }
  const listed = policy.numbers("retriable_status_codes");
  if (names.some((name) => name.trim() === "retriable-status-codes"))
    for (const status of listed) statuses.add(status);
  else if (listed.length > 0)
    report(
      warningAt(policy.at("retriable_status_codes"), "has no effect: retry_on lacks retriable-status-codes"),
    );
  return { on, statuses: [...statuses] };
}
