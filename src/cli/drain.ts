import { setTimeout as sleep } from "node:timers/promises";
import type { DrainAnswer } from "../control/backends/drains.ts";
import type { Status } from "../control/tell/status/status.ts";
import { formatAddress, type SocketAddress } from "../lib/address.ts";
import { type AdminChoice, withAdmin } from "./admin-client.ts";
import { exitCode, printError } from "./exit.ts";
import { duration, plural } from "./words.ts";

export interface UndrainOptions extends AdminChoice {
  readonly pool: string;
  readonly backend: string;
  /** Whether to print the answer's JSON. */
  readonly json?: true;
}

export interface DrainOptions extends AdminChoice {
  readonly pool: string;
  readonly backend: string;
  /** Such as `30s`. */
  readonly deadline?: string;
  /** Whether to wait until the backend has no connection left. */
  readonly wait?: true;
  /** Whether it may be the last healthy backend of its pool. */
  readonly force?: true;
  readonly json?: true;
}

export interface StopOptions extends AdminChoice {
  readonly json?: true;
}

/** The open connections to wait for, and the time that they still have. */
type Left = Pick<DrainAnswer, "connections" | "deadline_seconds">;

/** Time between two looks at a backend's connections, in milliseconds. */
const look = 200;

/** `umay drain`: drains one backend. */
export async function drain(options: DrainOptions): Promise<number> {
  const { deadline, wait, force, json } = options;
  const query = new URLSearchParams();
  if (deadline !== undefined) query.set("deadline", deadline);
  if (force) query.set("force", "true");
  let umay: AdminChoice = options;
  const code = await change(options, `drain${query.size === 0 ? "" : `?${query}`}`, (from) => {
    umay = { admin: formatAddress(from) };
  });
  return wait && code === exitCode.good ? idle(umay, options, json) : code;
}

/** `umay stop` and `umay drain --all`: drains the whole process, as SIGTERM does. */
export function stop({ json, ...options }: StopOptions): Promise<number> {
  return withAdmin<Left>(options, { path: "/drain", method: "POST" }, (left) =>
    print(left, json, `umay is draining: ${leftText(left)}`),
  );
}

/** `umay undrain`. */
export function undrain(options: UndrainOptions): Promise<number> {
  return change(options, "undrain");
}

/** Waits until a backend has no connection left, and says so. */
async function idle(
  umay: AdminChoice,
  { pool, backend }: UndrainOptions,
  json: true | undefined,
): Promise<number> {
  const begin = performance.now();
  for (;;) {
    let open = 0;
    const code = await withAdmin<Status>(umay, { path: "/status" }, ({ pools }) => {
      open = pools[pool]?.backends.find(({ address }) => address === backend)?.connections ?? 0;
    });
    if (code !== exitCode.good) return code;
    if (open === 0) {
      const seconds = (performance.now() - begin) / 1000;
      if (!json)
        process.stdout.write(`${pool} ${backend} has no connection left after ${duration(seconds)}\n`);
      return code;
    }
    await sleep(look);
  }
}

function change(
  options: UndrainOptions,
  action: string,
  done: (by: SocketAddress) => void = () => {},
): Promise<number> {
  const { pool, backend, json } = options;
  const path = `/pools/${encodeURIComponent(pool)}/backends/${encodeURIComponent(backend)}/${action}`;
  return withAdmin<DrainAnswer>(options, { path, method: "POST" }, (answer, from) => {
    for (const warning of answer.warnings) printError(`warning: ${warning}`);
    const text = answer.state === "draining" ? `draining: ${leftText(answer)}` : answer.state;
    print(answer, json, `${pool} ${backend} is ${text}`);
    done(from);
  });
}

function leftText({ connections, deadline_seconds: deadline }: Left): string {
  if (connections === 0) return "no connection is open";
  const end = deadline === null ? "without a deadline" : `reset in ${duration(deadline)} at the latest`;
  return `${plural(connections, "connection")} open, ${end}`;
}

function print(answer: object, json: true | undefined, text: string): void {
  process.stdout.write(json ? `${JSON.stringify(answer, null, 2)}\n` : `${text}\n`);
}
