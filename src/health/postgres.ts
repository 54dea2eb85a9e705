import type { PostgresCheckSpec } from "../model/health.ts";
import { sslRequest, startupMessage, terminate } from "../tls/postgres.ts";
import { exchange, type HealthCheck, type Outcome, type Talk } from "./check.ts";
import { createDial } from "./dial.ts";
import { quoted, Reply } from "./reply.ts";

const mostBytes = 8192;
/** cannot_connect_now, while it starts or stops, and too_many_connections: appendix A of PostgreSQL's manual. */
const cannotServe = new Set(["57P03", "53300"]);

/**
 * Without a user, passed when an SSLRequest is answered, or TLS is there; the server neither counts nor logs that. With
 * one, passed when the server goes on with the login, or refuses it for any reason but that it can't serve now.
 */
export function createPostgresCheck(spec: PostgresCheckSpec): HealthCheck {
  const dial = createDial(spec);
  const { user, tls } = spec;
  const begin =
    user === undefined
      ? (outcome: Outcome) => ask(outcome, tls !== undefined)
      : (outcome: Outcome) => login(outcome, user);
  return { check: (target, done) => exchange(dial, target, done, begin) };
}

function ask({ pass }: Outcome, secure: boolean): Talk {
  return {
    ready: (connection) => (secure ? pass() : connection.write(sslRequest)),
    receive(chunk) {
      if (chunk[0] !== 0x53 && chunk[0] !== 0x4e)
        throw new Error(`${quoted(chunk)} after an SSLRequest, expected S or N`);
      pass();
    },
  };
}

function login({ pass }: Outcome, user: string): Talk {
  const reply = new Reply(mostBytes);
  return {
    ready: (connection) => connection.write(startupMessage(user)),
    receive(chunk, connection) {
      const bytes = reply.add(chunk);
      if (bytes.length < 5) return;
      const type = String.fromCharCode(bytes[0]!);
      const end = 1 + bytes.readUInt32BE(1);
      if (type !== "R" && type !== "E") throw new Error(`${quoted(bytes)}, expected PostgreSQL`);
      if (end > mostBytes) throw new Error(`the answer is longer than ${mostBytes} bytes`);
      if (bytes.length < end) return;
      if (type === "R") connection.write(terminate);
      else checkError(bytes.toString("utf8", 5, end));
      pass();
    },
  };
}

/** @param fields of an ErrorResponse, each with its letter in front. @throws where the server can't serve. */
function checkError(fields: string): void {
  const field = (letter: string): string | undefined =>
    fields
      .split("\0")
      .find((each) => each.startsWith(letter))
      ?.slice(1);
  if (cannotServe.has(field("C") ?? "")) throw new Error(field("M") ?? field("C"));
}
