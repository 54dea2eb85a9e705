import { formatDuration } from "../../lib/duration.ts";
import type {
  Fault,
  ForwardAuth,
  Guard,
  LimitKeyPart,
  LimitRate,
  RateLimit,
} from "../../model/http/guard.ts";
import type { SideMode } from "../../model/http/processing.ts";

/** The guards that a request has to pass, a line for each group of guards. */
export const guardLines = (
  groups: readonly (readonly Guard[])[],
  header: (name: string) => string | undefined,
): string[] =>
  groups.map((guards) => guards.map((guard) => `${guard.name}: ${wordsOf(guard, header)}`).join(", or "));

function wordsOf(guard: Guard, header: (name: string) => string | undefined): string {
  switch (guard.kind) {
    case "basic": {
      const count = guard.users.hashes.size;
      const given =
        header("authorization") === undefined ? "no Authorization, so 401" : "the password is not tried";
      return `user and password, ${count} ${count === 1 ? "user" : "users"}; ${given}`;
    }
    case "fault":
      return faultWords(guard);
    case "forward":
      return `asks pool ${guard.pool}, ${guard.asks === "grpc" ? "over gRPC" : guard.asks === "same" ? `as the request asks, behind ${guard.path || "/"}` : `GET ${guard.path}`}; ${guard.onFailure === "pass" ? "without an answer everybody passes" : "without an answer 503"}${shareWords(guard)}`;
    case "jwt":
      return `a token signed with ${guard.algorithms.join(", ")}${guard.claims.length === 0 ? "" : `, claims ${guard.claims.map(({ name }) => name).join(", ")}`}`;
    case "process":
      return `pool ${guard.pool} has a say in it${guard.looksOn ? ", but only looks on" : ""}; request: ${partsWords(guard.mode.request)}; answer: ${partsWords(guard.mode.response)}; ${guard.onFailure === "pass" ? "without it requests go on" : `without it ${guard.failureStatus}`}`;
    case "rate-limit":
      return limitWords(guard);
    case "rules":
      return `${guard.rules.length} ${guard.rules.length === 1 ? "rule" : "rules"}, ${guard.otherwise ? "others pass" : "others get 403"}`;
    case "mtls": {
      const { allow } = guard;
      return `a client certificate${allow === undefined ? "" : ` that fits one of ${allow.length} rules`}`;
    }
  }
}

const shareWords = ({ share }: ForwardAuth): string =>
  share === undefined
    ? ""
    : `; it is asked about ${share.percent} % of the requests, others ${share.others === "pass" ? "pass" : "are refused"}`;

function limitWords({ rate, burst, concurrent, key, store, rates = [], always }: RateLimit): string {
  const parts = [
    rate && rateWords({ rate, burst }),
    concurrent && `${concurrent} at a time`,
    store && `shared in ${store.host}:${store.port}`,
  ].filter((text) => text !== undefined);
  const own = parts.length === 0 ? [] : [[...parts, whoseWords(key)].join(", ")];
  const others = rates.flat().map((each) => `${rateWords(each)}, ${whoseWords([each.key])}`);
  if (others.length === 0) return own.join("");
  return [
    ...own.map((words) => `${words}${always === true ? "" : ", unless another rate counts"}`),
    ...others,
  ].join("; ");
}

const rateWords = ({ rate, burst }: LimitRate): string =>
  `${rate.requests} in ${formatDuration(rate.period)}, ${burst} at once`;

/** Whose requests are counted together. */
function whoseWords(key: RateLimit["key"]): string {
  const names = key.map((parts) => parts.map(partWords).join("+"));
  return names.every((name) => name === "") ? "for all together" : `for each ${names.join(" or ")}`;
}

function partWords(part: LimitKeyPart): string {
  if (part.kind === "condition") return "(a condition)";
  const name = "name" in part ? `${part.kind}:${part.name}` : part.kind;
  return part.is === undefined ? name : `${name}=${part.is}`;
}

function faultWords({ delay, abort, when, most }: Fault): string {
  const parts = [
    delay &&
      `holds up ${delay.percent} % of the requests${delay.time === "field" ? " for as long as they ask" : ` for ${formatDuration(delay.time)}`}`,
    abort &&
      `answers ${abort.percent} % of the requests${abort.answer === "field" ? " as they ask" : ` with ${abort.answer.status}`}`,
    most !== undefined && `${most} at a time`,
    when.kind !== "any" && "only where its condition holds",
  ];
  return parts.filter((part) => typeof part === "string").join(", ");
}

/** The parts of a message that a processor gets. */
function partsWords({ head, body, trailers }: SideMode): string {
  const parts = [head && "head", body !== "none" && `body ${body}`, trailers && "trailers"];
  return parts.filter((part) => part !== false).join(", ") || "nothing";
}
