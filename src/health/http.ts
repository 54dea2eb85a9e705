import { ResponseReader } from "../http/response-reader.ts";
import { version } from "../lib/version.ts";
import type { HttpCheckSpec, StatusRange } from "../model/health.ts";
import { BodySearch } from "./body-search.ts";
import {
  authorityOf,
  type CheckTarget,
  exchange,
  type HealthCheck,
  type Outcome,
  type Talk,
} from "./check.ts";
import { createDial } from "./dial.ts";

/** The part of a body that is searched for the expected text, in characters. */
const mostBody = 64 * 1024;
/** Of an answer with its framing, in bytes: that many characters in UTF-8, in chunks of a few bytes each. */
const mostBytes = 1024 * 1024;

/**
 * Passed when a request over HTTP/1.1 is answered with an expected status, and the body contains the expected text.
 * Redirects are not followed.
 */
export function createHttpCheck(spec: HttpCheckSpec): HealthCheck {
  const dial = createDial(spec, "http/1.1");
  return {
    check: (target, done) => exchange(dial, target, done, (outcome) => talk(spec, target, outcome)),
  };
}

function talk(spec: HttpCheckSpec, target: CheckTarget, { pass, fail }: Outcome): Talk {
  const { expectBody, expectStatus } = spec;
  const search = expectBody === undefined ? undefined : new BodySearch(expectBody, mostBody);
  const missing = (where: string): void =>
    fail(new Error(`the body does not contain ${JSON.stringify(expectBody)}${where}`));
  const response = new ResponseReader(spec.method, mostBytes, {
    status(status) {
      if (!expectStatus.some(({ from, to }) => status >= from && status <= to))
        fail(new Error(`status ${status}, expected ${expectStatus.map(describeRange).join(", ")}`));
      else if (search === undefined) pass();
    },
    body(part) {
      const found = search?.add(part);
      if (found === "found") pass();
      else if (found === "missing") missing(` in its first ${mostBody / 1024} Ki characters`);
    },
    end: () => missing(""),
  });
  return {
    ready: (connection) => connection.write(requestFor(spec, target)),
    receive: (chunk) => response.push(chunk),
    ended() {
      if (!response.ended() && response.headed) missing(", and was cut short");
    },
  };
}

function requestFor({ method, path, host }: HttpCheckSpec, target: CheckTarget): string {
  return [
    `${method} ${path} HTTP/1.1`,
    `host: ${host ?? authorityOf(target)}`,
    `user-agent: umay/${version} health check`,
    "accept: */*",
    ...(method === "POST" ? ["content-length: 0"] : []),
    "connection: close\r\n\r\n",
  ].join("\r\n");
}

const describeRange = ({ from, to }: StatusRange): string => (from === to ? String(from) : `${from}-${to}`);
