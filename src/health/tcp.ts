import type { TcpCheckSpec } from "../model/health.ts";
import { BodySearch } from "./body-search.ts";
import { exchange, type HealthCheck, type Outcome, type Talk } from "./check.ts";
import { createDial } from "./dial.ts";

/** The part of an answer that is searched for the expected text, in characters. */
const mostAnswer = 4096;

/**
 * Passed as soon as the connection is established, or the expected text has come. The kernel also accepts for a process
 * that hangs.
 */
export function createTcpCheck(spec: TcpCheckSpec): HealthCheck {
  const dial = createDial(spec);
  return { check: (target, done) => exchange(dial, target, done, (outcome) => talk(spec, outcome)) };
}

function talk({ send, expect }: TcpCheckSpec, { pass, fail }: Outcome): Talk {
  if (expect === undefined) return { ready: pass };
  const search = new BodySearch(expect, mostAnswer);
  const missing = (): void => fail(new Error(`the answer does not contain ${JSON.stringify(expect)}`));
  return {
    ready(connection) {
      if (send !== undefined) connection.write(send);
    },
    receive(chunk) {
      const found = search.add(chunk);
      if (found === "found") pass();
      else if (found === "missing") missing();
    },
    ended: missing,
  };
}
