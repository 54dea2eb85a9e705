import type { Outcome } from "../../admin/actions.ts";
import { parseCidr } from "../../lib/cidr.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import { didYouMean } from "../../lib/suggest.ts";
import type { OpenSession, SessionFilter, SessionList } from "../../model/open-session.ts";
import type { ControlPlane } from "../control-plane.ts";

/** The JSON of `GET /sessions`. */
export interface SessionsAnswer extends SessionList<OpenSession> {
  /** Workers that have not said in time what they have. */
  readonly silent_workers: readonly number[];
}

const parameters = ["listener", "pool", "backend", "client", "limit"];
const usualLimit = 100;
export const mostSessions = 10_000;

/** Reads the query of `/sessions`. @returns what to list, or what is wrong with it. */
export function readFilter(query: URLSearchParams): Result<SessionFilter, string> {
  const strange = [...query.keys()].find((name) => !parameters.includes(name));
  if (strange !== undefined) {
    const hint = didYouMean(strange, parameters);
    return err(
      hint === undefined ? `there is no parameter ${strange}` : `there is no parameter ${strange}; ${hint}`,
    );
  }
  const named = (name: string): string | undefined => query.get(name) ?? undefined;
  const text = named("client");
  const client = text === undefined ? undefined : parseCidr(text);
  if (typeof client === "string") return err(`client: ${text} ${client}`);
  const limit = Number(named("limit") ?? usualLimit);
  if (!Number.isInteger(limit) || limit < 1 || limit > mostSessions)
    return err(`limit: expected a whole number from 1 to ${mostSessions}, not "${named("limit")}"`);
  const [listener, pool, backend] = [named("listener"), named("pool"), named("backend")];
  return ok({ listener, pool, backend, client: client?.cidr, limit });
}

/** Answers `/sessions`: by every worker, from its own table. */
export async function answerSessions(
  { supervisor }: Pick<ControlPlane, "supervisor">,
  query: URLSearchParams,
): Promise<{ readonly status: number; readonly body: object }> {
  const filter = readFilter(query);
  if (!filter.ok) return { status: 400, body: { error: filter.error } };
  const lists = await supervisor.inquiries.list(filter.value);
  const all = lists.flatMap((list, index) =>
    (list?.sessions ?? []).map((session): OpenSession => ({ ...session, worker: index + 1 })),
  );
  const body: SessionsAnswer = {
    sessions: all.sort((one, other) => other.seconds - one.seconds).slice(0, filter.value.limit),
    count: lists.reduce((sum, list) => sum + (list?.count ?? 0), 0),
    silent_workers: lists.flatMap((list, index) => (list === undefined ? [index + 1] : [])),
  };
  return { status: 200, body };
}

/** Ends a session by hand. */
export async function killSession(
  { supervisor }: Pick<ControlPlane, "supervisor">,
  session: string,
): Promise<Outcome> {
  if (await supervisor.inquiries.kill(session))
    return { status: 200, body: { id: session, state: "killed" } };
  const error = `no open connection has the id ${session}; umay sessions lists them`;
  return { status: 404, body: { error } };
}
