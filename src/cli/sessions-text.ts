import type { SessionsAnswer } from "../control/tell/sessions.ts";
import type { OpenRequest, OpenSession } from "../model/open-session.ts";
import { table } from "./table.ts";
import { bytes, plural, shortDuration } from "./words.ts";

const titles = [
  "ID",
  "CLIENT",
  "LISTENER",
  "POOL",
  "BACKEND",
  "STATE",
  "#OPEN FOR",
  "#IN",
  "#OUT",
  "REQUEST",
];

/** Open sessions for people: a line each, and one for each request that is under way. */
export function formatSessions({ sessions, count, silent_workers: silent }: SessionsAnswer): string {
  const lines = [
    ...(sessions.length === 0 ? ["no session is open"] : [table(titles, sessions.flatMap(rowsOf))]),
    ...(count > sessions.length ? [`and ${count - sessions.length} more; --limit shows them`] : []),
    ...silent.map((worker) => `worker ${worker} does not answer; its sessions are not among these`),
  ];
  return `${lines.join("\n")}\n`;
}

function rowsOf(session: OpenSession): string[][] {
  const { id, client, sni, tls, listener, pool, backend, state, seconds, received, sent } = session;
  const over = sni === null ? "" : ` ${sni}`;
  const about =
    session.requests_total === null ? (tls ?? "") + over : plural(session.requests_total, "request");
  const own = [id, client, listener, pool ?? "", backend ?? "", state];
  const moved = [shortDuration(seconds), bytes(received), bytes(sent)];
  return [[...own, ...moved, about], ...session.requests.map(requestRow)];
}

function requestRow({
  method,
  host,
  path,
  pool,
  backend,
  state,
  seconds,
  received,
  sent,
}: OpenRequest): string[] {
  const moved = [shortDuration(seconds), bytes(received), bytes(sent)];
  return ["", "", "", pool ?? "", backend ?? "", state, ...moved, `${method} ${host}${path}`];
}
