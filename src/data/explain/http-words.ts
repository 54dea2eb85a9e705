import { formatDuration } from "../../lib/duration.ts";
import { asRanges } from "../../lib/ranges.ts";
import { formatSize } from "../../lib/size.ts";
import type { HttpFront } from "../../model/http/front.ts";
import { isOfCalls, type RetryPolicy, retryTriggers } from "../../model/http/retry.ts";
import type { FieldChanges, HttpRoute } from "../../model/http/route.ts";
import type { Decision } from "../decide/http/decide.ts";
import { maySendTwice } from "../decide/http/retry.ts";

/** The changes that a route makes, one an entry. @param path as it is matched. */
export function changesOf(decision: Decision, path: string): string[] {
  if (decision.kind === "refuse") return [];
  const { rewrite, requestFields, responseFields, requestTrailers, responseTrailers } =
    decision.rule.route.definition;
  const changes =
    decision.kind === "forward"
      ? [...fieldWords("request", requestFields), ...fieldWords("request, behind its body", requestTrailers)]
      : [];
  if (decision.kind === "forward") {
    if (rewrite.host !== undefined) changes.unshift(`host -> ${rewrite.host}`);
    if (rewrite.hostFrom?.kind === "field") changes.unshift(`host -> field ${rewrite.hostFrom.name}`);
    if (rewrite.hostFrom?.kind === "path") changes.unshift("host -> part of the path");
    if (decision.path !== path) changes.unshift(`path ${path} -> ${decision.path}`);
  }
  return [
    ...changes,
    ...fieldWords("response", responseFields),
    ...fieldWords("response, behind its body", responseTrailers),
  ];
}

const nothing: FieldChanges = { set: {}, add: {}, remove: [] };

function fieldWords(of: string, changes: FieldChanges = nothing): string[] {
  const { set, add, remove, removeMatching = [] } = changes;
  const tests = removeMatching.map(({ kind, value }) => `${kind}:${value}`);
  const parts = { set: Object.keys(set), add: Object.keys(add), remove: [...remove, ...tests] };
  return Object.entries(parts)
    .filter(([, names]) => names.length > 0)
    .map(([does, names]) => `${of}: ${does} ${names.join(" ")}`);
}

/** The limits that count for a request of a route. @param isCall of gRPC: its answer may begin late, and its deadline is told by itself. */
export function limitsOf(
  { timeouts, maxBody, maxResponse, retry, mirrors }: HttpRoute,
  { timeouts: usual, limits }: HttpFront,
  method: string,
  isCall: boolean,
): string[] {
  const body = maxBody ?? limits.body;
  const response = maxResponse ?? limits.response ?? 0;
  return [
    retryWords(retry, method, isCall),
    ...(isCall ? [] : [`first byte ${formatDuration(timeouts.firstByte)}`]),
    ...(timeouts.try === undefined ? [] : [`try ${formatDuration(timeouts.try)}`]),
    `idle ${formatDuration(timeouts.idle ?? usual.idle)}`,
    ...(isCall ? [] : [wholeWords(timeouts.request)]),
    body === 0 ? "body of any size" : `body ${formatSize(body)}`,
    ...(response === 0 ? [] : [`answer ${formatSize(response)}`]),
    ...mirrors.map(({ pool, percent }) => `${percent} % copied to pool ${pool}`),
  ];
}

const wholeWords = (limit: number | undefined): string =>
  limit === undefined ? "no limit for the whole" : `whole ${formatDuration(limit)}`;

/** `retries 2 on connect-failed, 503`: only what may be sent again with this method. */
function retryWords(policy: RetryPolicy, method: string, isCall: boolean): string {
  const { on, statuses, attempts } = policy;
  const isRepeatable = maySendTwice(policy, method);
  const causes = [
    ...on.filter((trigger) =>
      isOfCalls(trigger) ? isCall : isRepeatable || !retryTriggers[trigger].byMethod,
    ),
    ...(isRepeatable ? asRanges(statuses) : []),
  ];
  if (causes.length === 0) return "no retries";
  const words = `retries ${attempts} on ${causes.join(", ")}`;
  return isRepeatable || isCall ? words : `${words} (${method}: never once it was sent)`;
}
