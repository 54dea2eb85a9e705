import type { SessionsAnswer } from "../control/tell/sessions.ts";
import { type AdminChoice, withAdmin } from "./admin-client.ts";
import { formatSessions } from "./sessions-text.ts";

export interface SessionsOptions extends AdminChoice {
  readonly listener?: string;
  readonly pool?: string;
  readonly backend?: string;
  /** An IP address or a CIDR range. */
  readonly client?: string;
  readonly limit?: string;
  readonly json?: true;
}

/** `umay sessions`: who is connected, and where to. */
export function sessions({ json, ...options }: SessionsOptions): Promise<number> {
  const query = new URLSearchParams();
  for (const name of ["listener", "pool", "backend", "client", "limit"] as const)
    if (options[name] !== undefined) query.set(name, options[name]);
  const path = query.size === 0 ? "/sessions" : `/sessions?${query}`;
  return withAdmin<SessionsAnswer>(options, { path }, (answer) => {
    process.stdout.write(json ? `${JSON.stringify(answer, null, 2)}\n` : formatSessions(answer));
  });
}

export interface KillOptions extends AdminChoice {
  readonly json?: true;
}

/** `umay kill`: ends one connection. */
export function kill(id: string, { json, ...options }: KillOptions): Promise<number> {
  const path = `/sessions/${encodeURIComponent(id)}/kill`;
  return withAdmin<object>(options, { path, method: "POST" }, (answer) => {
    process.stdout.write(json ? `${JSON.stringify(answer, null, 2)}\n` : `${id} was ended\n`);
  });
}
