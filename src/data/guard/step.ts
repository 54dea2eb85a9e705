import type { GuardResult } from "../../channel/counters.ts";
import type { Answer } from "../../http/answer.ts";
import type { RequestReason } from "../../model/reasons.ts";
import type { Connection } from "../accept/connection.ts";
import type { Timed } from "../open.ts";
import type { Claims } from "./jwt/claims.ts";

/** The things about a client's connection that guards look at. */
export type GuardedConnection = Pick<
  Connection,
  "client" | "clientAddress" | "tls" | "serverName" | "proxy" | "raw"
>;

/** A request as guards look at it. */
export interface GuardedRequest {
  readonly connection: GuardedConnection;
  /** The client's IP address; empty for a unix socket's. */
  readonly client: string;
  /** The name of its route. */
  readonly route: string;
  /** The path as a lax backend might read it; undefined: there is one reading only. */
  readonly secondPath?: string | undefined;
  /** The findings of the guards before. */
  readonly passage: { readonly user: string; claim(name: string): string } | undefined;
  /**
   * All fields of a name, joined, or the first of them alone; also `:method`, `:path`, `:authority` and `:scheme`.
   * @param name in lower case.
   */
  header(name: string, which?: "first"): string | undefined;
  /** The value of the first key of this name, decoded. */
  queryValue(name: string): string | undefined;
}

/**
 * A field that the client gets. `set`: in place of those that the answer has; `absent`: where it has none; `present`: in place of
 * those that it has, where there are some.
 */
export interface AnswerField {
  /** In lower case. */
  readonly name: string;
  readonly line: string;
  readonly when: "set" | "absent" | "present";
}

/** The request may go on. */
export interface Pass {
  readonly kind: "pass";
  /** The client's name, a character per byte; undefined: the guard does not say. */
  readonly user?: string;
  /** The content of its token. */
  readonly claims?: Claims;
  /** Names of fields that backends do not get from the client, in lower case. */
  readonly replaces?: readonly string[];
  /** Fields for the backend, and for the client, as lines. */
  readonly requestLines?: string;
  readonly responseLines?: string;
  /** Further fields for the client, of which it depends on the answer whether they are added, or replace others. */
  readonly answerFields?: readonly AnswerField[];
  /** The route is to be chosen anew: what routes are chosen by may have changed. */
  readonly reroutes?: boolean;
  /** Given back when the request is over. */
  readonly held?: Held | undefined;
}

/** A place that a request holds in a guard while it is under way. */
export interface Held {
  giveBack(): void;
}

/** The request may not go on. */
export interface Refusal {
  readonly kind: "refuse";
  readonly reason: RequestReason;
  /** For log and explanations, never for the client. */
  readonly detail: string;
  /** Of umay's answer; undefined: that of the reason. */
  readonly status?: number | undefined;
  /** Fields of the answer, as lines. */
  readonly lines?: string;
  /** In place of umay's own answer. */
  readonly answer?: Answer;
}

export type Verdict = Pass | Refusal;

/**
 * A verdict that is yet to come. Whoever waits is told of it once, never within {@link Step.judge}, and not at all after
 * `withdraw`. It must come in bounded time.
 */
export interface Waiting extends Timed {
  readonly kind: "wait";
  /** It waits for bytes of the client, whose times count. */
  readonly awaitsClient?: boolean;
  /** The request is over: nobody wants the verdict any more. */
  withdraw(): void;
  /** A backend is to be left, by its slot. */
  vacate?(slot: number): void;
}

/** A caller that waits for a verdict. */
export interface Waiter {
  settle(verdict: Verdict): void;
}

/** A guard at work: judges one request after the other, those of every route that names it. */
export interface Step {
  /** As the configuration names it: `auth.staff`. */
  readonly name: string;
  /** Of the steps with this text, a request passes one alone, whatever route it has; undefined: no others are like it. */
  readonly once?: string | undefined;
  /** The request's fields are valid until it returns; if it waits, whoever called it makes them stay. */
  judge(request: GuardedRequest, waiter: Waiter): Verdict | Waiting;
  /** Counts a verdict. */
  count(result: GuardResult): void;
}

export const pass: Pass = { kind: "pass" };

/** It can't be found out whether the request may go on. */
export const unavailable = (detail: string): Refusal => ({
  kind: "refuse",
  reason: "auth_unavailable",
  detail,
});

export const resultOf = (verdict: Verdict): GuardResult =>
  verdict.kind === "pass" ? "passed" : unavailabilities.has(verdict.reason) ? "unavailable" : "refused";

const unavailabilities: ReadonlySet<RequestReason> = new Set([
  "auth_unavailable",
  "processor_failed",
  "processor_timeout",
]);
