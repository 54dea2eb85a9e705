import { fieldText } from "../../http/edits.ts";
import { joinedValue } from "../../http/joined-value.ts";
import { readFields } from "../../http/scan.ts";
import { withMergedSlashes } from "../../http/uri/path.ts";
import { queryValue } from "../../http/uri/query.ts";
import type { HttpExplanation, HttpQuestion, RuleTrial } from "../../model/http/explanation.ts";
import type { HttpFront } from "../../model/http/front.ts";
import { type HttpRefusal, httpRefusals } from "../../model/http/refusals.ts";
import { describeMatch } from "../../model/http/words.ts";
import { accessRule } from "../decide/http/access.ts";
import { ClientAddress, type Unnamed } from "../decide/http/client-address.ts";
import { type DecidedRequest, type Decision, decide } from "../decide/http/decide.ts";
import { EarlyFields, type EarlyRequest } from "../decide/http/early-fields.ts";
import { describeKey, hashKeyOf } from "../decide/http/hash-key.ts";
import type { Routing } from "../decide/http/routing.ts";
import type { Mismatch } from "../decide/http/rules.ts";
import { mainTarget } from "../decide/target.ts";
import type { PickKey } from "../pick/picker.ts";
import { explainCall, isCall } from "./grpc-words.ts";
import { guardLines } from "./guard-words.ts";
import { changesOf, limitsOf } from "./http-words.ts";

/** A question, and who asks it. */
export interface AskedRequest {
  readonly question: HttpQuestion;
  /** The address of the connection. */
  readonly peer: string;
  /** The TLS of the connection is for another host. */
  readonly isMisdirected: boolean;
}

/** The way of a request, up to the pool. */
export interface ExplainedRequest {
  readonly http: HttpExplanation;
  /** Null: it is answered, by a backend or as its route says. */
  readonly refusal: HttpRefusal | null;
  /** The pool that most of such requests go to, and by what it picks; undefined: none is asked. */
  readonly target: ({ readonly pool: string } & Pick<PickKey, "key" | "subset">) | undefined;
}

export function explainHttp(routing: Routing, front: HttpFront, asked: AskedRequest): ExplainedRequest {
  const { peer, isMisdirected } = asked;
  const question = front.mergesSlashes === true ? withMergedSlashes(asked.question) : asked.question;
  const header = headerOf(question, front, peer);
  const addresses = new ClientAddress(front.forwarded);
  const found = addresses.of(peer, header);
  const unnamed = typeof found === "object" ? found : undefined;
  const client = typeof found === "object" ? peer : found;
  const request: DecidedRequest = {
    ...question,
    header,
    queryValue: (name) => queryValue(question.query, name),
    client,
    upgrade: header("upgrade")?.toLowerCase() === "websocket" ? "websocket" : "",
    isMisdirected,
  };
  const decision: Decision =
    unnamed === undefined
      ? decide(routing, request)
      : { kind: "refuse", reason: "client_unnamed", rule: undefined, readings: undefined };
  const route = decision.rule?.route.definition;
  const { action } = route ?? {};
  const hashed = route && decision.kind === "forward" ? hashKeyOf(route.hash, request) : undefined;
  const { method, scheme, authority, path, query, secondPath } = question;
  const answer = answerOf(decision, unnamed);
  const calls = isCall(request);
  return {
    http: {
      request: {
        method,
        url: `${scheme}://${authority}${path}${query}`,
        client,
        client_by: clientBy(addresses, front, peer, found),
      },
      hosts: routing.index.hostsFor(request.host).map(({ name }) => name),
      ...trialsOf(routing, request, decision),
      readings: {
        path,
        second: secondPath ?? null,
        routes: (decision.kind === "refuse" && decision.readings) || null,
      },
      route: route?.name ?? null,
      access: route === undefined ? null : accessRule(route, client),
      guards:
        decision.kind === "refuse" || decision.kind === "preflight"
          ? []
          : guardLines(decision.rule.route.guards, header),
      changes: changesOf(decision, path),
      limits:
        decision.kind === "forward" ? limitsOf(decision.rule.route.definition, front, method, calls) : [],
      call: calls ? explainCall(request, route?.timeouts.request, answer) : null,
      hashed: hashed === undefined ? null : { key: hashed.text, by: describeKey(hashed.by) },
      answer,
    },
    refusal: decision.kind === "refuse" ? decision.reason : null,
    target:
      decision.kind === "forward" && action?.kind === "pools"
        ? { pool: "", ...mainTarget(action.to), key: hashed?.text }
        : undefined,
  };
}

type HeaderOf = (name: string) => string | undefined;

/** All fields of a name, joined, as the listener's early changes leave them. */
function headerOf(question: HttpQuestion, { earlyFields }: HttpFront, peer: string): HeaderOf {
  const lines = question.headers.map(([name, value]) => `${name}: ${fieldText(value)}\r\n`).join("");
  const known: Readonly<Record<string, string>> = {
    "client.ip": peer,
    "client.peer": peer,
    "request.method": question.method,
    "request.host": question.authority,
    "request.path": question.path,
    "request.query": question.query,
    "request.target": question.path + question.query,
    "request.scheme": question.scheme,
  };
  const asked: EarlyRequest = {
    fields: readFields(lines),
    header: (name) => joinedValue(asked.fields, name),
    variable: (name) => known[name] ?? "",
    claim: () => "",
  };
  EarlyFields.of(earlyFields)?.change(asked);
  return asked.header;
}

function clientBy(
  addresses: ClientAddress,
  { forwarded }: HttpFront,
  peer: string,
  client: string | Unnamed,
): string {
  if (typeof client === "object") return `the peer, for want of ${client.field}`;
  if (!addresses.trusts(peer))
    return `the peer, which is not in forwarded.trust: ${forwarded.read} is not read`;
  const read = forwarded.hops === 0 ? [] : [forwarded.read];
  const fields = [...(forwarded.clientFields ?? []).map(({ name }) => name), ...read].join(" or ");
  return client === peer ? `the trusted peer, for want of ${fields}` : `${fields}, from ${peer}`;
}

function answerOf(decision: Decision, unnamed: Unnamed | undefined): HttpExplanation["answer"] {
  switch (decision.kind) {
    case "refuse":
      return {
        status: unnamed?.status ?? httpRefusals[decision.reason].status,
        reason: decision.reason,
        location: null,
      };
    case "redirect": {
      const { action } = decision.rule.route.definition;
      const status = action.kind === "redirect" ? action.redirect.status : 0;
      return { status, reason: null, location: decision.location };
    }
    case "respond": {
      const { action } = decision.rule.route.definition;
      return { status: action.kind === "respond" ? action.status : 0, reason: null, location: null };
    }
    case "preflight":
      return { status: 204, reason: null, location: null };
    case "forward":
      return null;
  }
}

/** Nobody reads more of those that do not match. */
const mostTrials = 50;

function trialsOf(
  routing: Routing,
  request: DecidedRequest,
  { rule: taken }: Decision,
): Pick<HttpExplanation, "rules" | "more"> {
  const trials: RuleTrial[] = [];
  let more = 0;
  let found = false;
  for (const { name: host, rules } of routing.index.hostsFor(request.host))
    for (const { rule, mismatch } of rules.judge(request)) {
      const isTaken: boolean = !found && rule === taken;
      found ||= isTaken;
      if (trials.length >= mostTrials && !isTaken) more++;
      else {
        const verdict = isTaken ? "taken" : mismatch === undefined ? "later" : mismatchText(mismatch);
        trials.push({ host, route: rule.route.name, match: describeMatch(rule.match), verdict });
      }
    }
  if (taken !== undefined && taken === routing.fallback)
    trials.push({ host: "*", route: taken.route.name, match: "what no route takes", verdict: "taken" });
  return { rules: trials, more };
}

function mismatchText(mismatch: Mismatch): string {
  return "name" in mismatch ? `${mismatch.kind} ${mismatch.name}` : mismatch.kind;
}
