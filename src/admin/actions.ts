/** Requests to a running umay that change something. */
export interface AdminActions {
  /** Drains the process, as SIGTERM does. A second request changes nothing. */
  drain(): Outcome;
  /**
   * Keeps new sessions from a backend.
   * @param deadline its sessions end after this time, such as `30s`.
   * @param force whether it may be the last healthy one of its pool.
   */
  drainBackend(pool: string, backend: string, deadline: string | undefined, force: boolean): Outcome;
  undrainBackend(pool: string, backend: string): Outcome;
  /** Opens a door for another umay that is to take over. */
  takeOver(): Promise<Outcome>;
  /** Starts the program that is installed now, which takes over. */
  upgrade(): Promise<Outcome>;
  /** Ends one connection, by its id. */
  kill(session: string): Promise<Outcome>;
  /** Takes the configuration into service again. @param dryRun whether the answer only says what would change. */
  reload(dryRun: boolean): Promise<Outcome>;
}

/** An answer that becomes JSON. A failure has its reason in `error`. */
export interface Outcome {
  readonly status: 200 | 400 | 404 | 409 | 422;
  readonly body: object;
}

interface Action {
  /** A word in capitals stands for any segment, percent-encoded as in every URL (RFC 3986 section 2.1). */
  readonly path: string;
  /** Parameters of the query. */
  readonly parameters: readonly string[];
  run(actions: AdminActions, words: readonly string[], query: URLSearchParams): Outcome | Promise<Outcome>;
}

/*
 * The path names the backend. In the query of /drain, a mistyped parameter would drain the whole process.
 */
const list: readonly Action[] = [
  { path: "/drain", parameters: [], run: (actions) => actions.drain() },
  {
    path: "/pools/NAME/backends/ADDRESS/drain",
    parameters: ["deadline", "force"],
    run: (actions, [pool, backend], query) => {
      const deadline = query.get("deadline") ?? undefined;
      return ifFlag(query, "force", (force) => actions.drainBackend(pool!, backend!, deadline, force));
    },
  },
  {
    path: "/pools/NAME/backends/ADDRESS/undrain",
    parameters: [],
    run: (actions, [pool, backend]) => actions.undrainBackend(pool!, backend!),
  },
  { path: "/take-over", parameters: [], run: (actions) => actions.takeOver() },
  { path: "/upgrade", parameters: [], run: (actions) => actions.upgrade() },
  { path: "/sessions/ID/kill", parameters: [], run: (actions, [session]) => actions.kill(session!) },
  {
    path: "/reload",
    parameters: ["dry_run"],
    run: (actions, _, query) => ifFlag(query, "dry_run", (dryRun) => actions.reload(dryRun)),
  },
];

/** Runs an action with a parameter that is true or false, false by default. */
function ifFlag<T>(query: URLSearchParams, name: string, run: (on: boolean) => T): T | Outcome {
  const given = query.get(name) ?? "false";
  if (given === "true" || given === "false") return run(given === "true");
  return { status: 400, body: { error: `${name}: expected true or false, not "${given}"` } };
}

export const actionPaths: readonly string[] = list.map(({ path }) => path);

/** @returns the action of a path; undefined where there is no such path. */
export function findAction(
  path: string,
  query: string,
): ((actions: AdminActions) => Outcome | Promise<Outcome>) | undefined {
  for (const action of list) {
    const words = match(action.path.split("/"), path.split("/"));
    if (words === undefined) continue;
    const parameters = new URLSearchParams(query);
    const unknown = [...parameters.keys()].find((name) => !action.parameters.includes(name));
    if (unknown === undefined) return (actions) => action.run(actions, words, parameters);
    const known = action.parameters.length === 0 ? "none" : action.parameters.join(", ");
    const error = `there is no parameter ${unknown}; there is ${known}`;
    return () => ({ status: 400, body: { error } });
  }
  return undefined;
}

/** @returns the segments at the places where the pattern has capitals. */
function match(pattern: readonly string[], segments: readonly string[]): readonly string[] | undefined {
  if (pattern.length !== segments.length) return undefined;
  const words: string[] = [];
  for (const [index, segment] of segments.entries())
    if (/^[A-Z]+$/.test(pattern[index]!)) words.push(decode(segment));
    else if (pattern[index] !== segment) return undefined;
  return words;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
