import { StringDecoder } from "node:string_decoder";
import { version } from "../lib/version.ts";
import type { HttpCheckSpec, StatusRange } from "../model/health.ts";
import {
  authorityOf,
  type CheckTarget,
  exchange,
  type HealthCheck,
  type Outcome,
  type Talk,
} from "./check.ts";
import { createDial } from "./dial.ts";
import { HttpResponse } from "./http-response.ts";

/** The part of a body that is searched for the expected text, in characters. */
const mostBody = 64 * 1024;

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
  const search = expectBody === undefined ? undefined : new BodySearch(expectBody, { pass, fail });
  const response = new HttpResponse(spec.method, {
    status(status) {
      if (!expectStatus.some(({ from, to }) => status >= from && status <= to))
        fail(new Error(`status ${status}, expected ${expectStatus.map(describeRange).join(", ")}`));
      else if (search === undefined) pass();
    },
    body: (part) => search?.add(part),
    end: () => search?.missing(""),
  });
  return {
    ready: (connection) => connection.write(requestFor(spec, target)),
    receive: (chunk) => response.push(chunk),
    ended() {
      if (!response.ended() && response.headed) search?.missing(", and was cut short");
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

/** Looks for a text in a body as it comes. */
class BodySearch {
  readonly #wanted: string;
  readonly #outcome: Outcome;
  readonly #decoder = new StringDecoder("utf8");
  #body = "";

  constructor(wanted: string, outcome: Outcome) {
    this.#wanted = wanted;
    this.#outcome = outcome;
  }

  add(part: Buffer): void {
    this.#body = (this.#body + this.#decoder.write(part)).slice(0, mostBody);
    if (this.#body.includes(this.#wanted)) this.#outcome.pass();
    else if (this.#body.length === mostBody) this.missing(` in its first ${mostBody / 1024} Ki characters`);
  }

  missing(where: string): void {
    this.#outcome.fail(new Error(`the body does not contain ${JSON.stringify(this.#wanted)}${where}`));
  }
}

const describeRange = ({ from, to }: StatusRange): string => (from === to ? String(from) : `${from}-${to}`);
