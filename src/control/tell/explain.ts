import { err, type Result } from "../../lib/result.ts";
import type { ExplainRequest } from "../../model/explanation.ts";
import type { PlacedListener } from "../../model/snapshot.ts";
import type { ControlPlane } from "../control-plane.ts";
import { type BadQuestion, readConnection, strangeParameter } from "./asked-connection.ts";
import { type AskedListener, askRequest } from "./asked-request.ts";

/** Reads what `umay explain` and `/explain` are asked: about a request, where there is a `url`, else about a connection. */
export function readQuestion(
  query: URLSearchParams,
  listeners: readonly AskedListener[],
): Result<ExplainRequest, BadQuestion> {
  const strange = strangeParameter(query);
  if (strange !== undefined) return err(strange);
  const url = query.get("url");
  if (url === null) return readConnection(query, listeners);
  const asked = { url, method: query.get("method") ?? "GET", headers: query.getAll("header") };
  return askRequest(asked, query, listeners);
}

/** With the port that the system chose. */
const atItsAddress = (listener: PlacedListener): AskedListener => ({
  ...listener,
  bind: listener.addresses[0] ?? listener.bind,
});

/** Answers `/explain`: by a worker, whose own state it is. */
export async function answerQuestion(
  { store, supervisor, state }: Pick<ControlPlane, "store" | "supervisor" | "state">,
  query: URLSearchParams,
): Promise<{ readonly status: number; readonly body: object }> {
  const question = readQuestion(query, store.snapshot.listeners.map(atItsAddress));
  if (!question.ok)
    return { status: question.error.kind === "unknown" ? 404 : 400, body: { error: question.error.message } };
  const answer = await supervisor.inquiries.explain(question.value);
  if (answer === undefined) return { status: 503, body: { error: "no worker answers" } };
  if (!answer.ok) return { status: 500, body: { error: answer.error } };
  const { pool } = answer.value;
  const trouble = pool === null ? undefined : store.discoveries.get(pool.name)?.lastError;
  const notes = [
    ...answer.value.notes,
    ...(trouble === undefined ? [] : [`discovery of pool ${pool!.name} fails: ${trouble}`]),
    ...(state === "draining" ? ["umay is draining: it may accept no new connection any more"] : []),
  ];
  return { status: 200, body: { ...answer.value, notes } };
}
