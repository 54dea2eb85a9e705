import type { DrainAnswer } from "../control/backend-drains.ts";
import { type AdminChoice, withAdmin } from "./admin-client.ts";
import { printError } from "./exit.ts";
import { duration, plural } from "./words.ts";

export interface UndrainOptions extends AdminChoice {
  readonly pool: string;
  readonly backend: string;
  /** Whether the answer is printed as it came. */
  readonly json?: true;
}

export interface DrainOptions extends AdminChoice {
  /** Undefined, like the backend: the whole process. */
  readonly pool?: string;
  readonly backend?: string;
  /** Such as `30s`. */
  readonly deadline?: string;
  readonly json?: true;
}

/** What is left to wait for, and for how long. */
type Left = Pick<DrainAnswer, "connections" | "deadline_seconds">;

/** `umay drain`: of one backend, or of the whole process as SIGTERM does it. It does not wait for the end. */
export async function drain(options: DrainOptions): Promise<number> {
  const { pool, backend, deadline, json } = options;
  if (pool !== undefined && backend !== undefined) {
    const query = deadline === undefined ? "" : `?deadline=${deadline}`;
    return change({ ...options, pool, backend }, `drain${query}`);
  }
  return withAdmin<Left>(options, { path: "/drain", method: "POST" }, (left) =>
    print(left, json, `umay is draining: ${leftText(left)}`),
  );
}

/** `umay undrain`. */
export function undrain(options: UndrainOptions): Promise<number> {
  return change(options, "undrain");
}

function change(options: UndrainOptions, action: string): Promise<number> {
  const { pool, backend, json } = options;
  const path = `/pools/${encodeURIComponent(pool)}/backends/${encodeURIComponent(backend)}/${action}`;
  return withAdmin<DrainAnswer>(options, { path, method: "POST" }, (answer) => {
    for (const warning of answer.warnings) printError(`warning: ${warning}`);
    const text = answer.state === "draining" ? `draining: ${leftText(answer)}` : answer.state;
    print(answer, json, `${pool} ${backend} is ${text}`);
  });
}

function leftText({ connections, deadline_seconds: deadline }: Left): string {
  if (connections === 0) return "no connection is open";
  const end =
    deadline === null
      ? "which may go on to their end"
      : `reset in ${duration(deadline)} unless they end before`;
  return `${plural(connections, "connection")} open, ${end}`;
}

function print(answer: object, json: true | undefined, text: string): void {
  process.stdout.write(json ? `${JSON.stringify(answer, null, 2)}\n` : `${text}\n`);
}
