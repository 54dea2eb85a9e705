import { setImmediate as nextTurn } from "node:timers/promises";
import { AddressSet } from "../lib/address-set.ts";
import { outside } from "../lib/crowd.ts";
import type { SessionFilter, SessionList, WorkerSession } from "../model/open-session.ts";
import type { Open } from "./open.ts";

/** How many are looked at in one turn of the event loop: the sessions of the worker wait for no more. */
const slice = 500;

/**
 * Lists what is open, oldest first. Many take several turns of the event loop, so that none waits for the list: what
 * comes or goes meanwhile may be in it or not.
 */
export async function listOpen(
  open: Iterable<Open>,
  { limit, ...filter }: SessionFilter,
): Promise<SessionList<WorkerSession>> {
  const matches = matcherOf(filter);
  const sessions: WorkerSession[] = [];
  let count = 0;
  const all = [...open].sort((one, other) => one.number - other.number);
  for (const [index, one] of all.entries()) {
    if (index % slice === slice - 1) await nextTurn();
    if (one.place === outside) continue;
    const told = one.tell(performance.now());
    if (!matches(told)) continue;
    count++;
    if (sessions.length < limit) sessions.push(told);
  }
  return { sessions, count };
}

function matcherOf(filter: Omit<SessionFilter, "limit">): (told: WorkerSession) => boolean {
  const { listener, pool, backend } = filter;
  const clients = filter.client && new AddressSet([filter.client]);
  return (told) =>
    (listener === undefined || told.listener === listener) &&
    (clients === undefined || clients.has(addressOf(told.client))) &&
    (pool === undefined || told.pool === pool || told.requests.some((one) => one.pool === pool)) &&
    (backend === undefined ||
      told.backend === backend ||
      told.requests.some((one) => one.backend === backend));
}

/** Without the port. */
function addressOf(client: string): string {
  return client.slice(0, client.lastIndexOf(":")).replace(/^\[|\]$/g, "");
}

/** Ends the connection with a number. @returns false where there is none. */
export function killOpen(open: Iterable<Open>, number: number): boolean {
  for (const one of open)
    if (one.number === number) {
      one.end("killed");
      return true;
    }
  return false;
}
