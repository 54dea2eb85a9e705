import { fieldOf } from "../http/http2/hpack/field.ts";
import type { ResponseHead } from "../http/message.ts";
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
import type { Connection } from "./connection.ts";
import { createDial } from "./dial.ts";
import type { CheckAnswer, CheckRequest } from "./http-answer.ts";
import { talkHttp1 } from "./talk-http1.ts";
import { talkHttp2 } from "./talk-http2.ts";

/** The part of a body that is searched for the expected text, in characters. */
const mostBody = 64 * 1024;
/** Of an answer with its framing, in bytes: that many characters in UTF-8, in chunks of a few bytes each. */
const mostBytes = 1024 * 1024;
const accept = fieldOf("accept", "*/*");
const noBody = Buffer.alloc(0);

/**
 * Passed when a request, in the version of HTTP that requests of clients are sent in, is answered with an expected status,
 * and the body contains the expected text. Redirects are not followed.
 */
export function createHttpCheck(spec: HttpCheckSpec): HealthCheck {
  const dial = createDial(spec, offers[spec.version]);
  return {
    check: (target, done) => exchange(dial, target, done, (outcome) => talk(spec, target, outcome)),
  };
}

/** Over TLS. */
const offers = { "1.1": ["http/1.1"], "2": ["h2"], auto: ["h2", "http/1.1"] } as const;

const speaksHttp2 = ({ version }: HttpCheckSpec, { protocol }: Connection): boolean =>
  version === "2" || (version === "auto" && protocol === "h2");

function talk(spec: HttpCheckSpec, target: CheckTarget, outcome: Outcome): Talk {
  const request = requestFor(spec, target);
  const answer = new Answer(spec, outcome);
  let begun: Talk | undefined;
  return {
    ready(connection) {
      begun = speaksHttp2(spec, connection)
        ? talkHttp2(outcome, request, answer, mostBytes)
        : talkHttp1(request, answer, mostBytes);
      begun.ready(connection);
    },
    receive: (chunk, connection) => begun?.receive?.(chunk, connection),
    ended: () => begun?.ended?.(),
  };
}

const requestFor = ({ method, path, host, tls }: HttpCheckSpec, target: CheckTarget): CheckRequest => ({
  method,
  secure: tls !== undefined,
  authority: host ?? authorityOf(target),
  path,
  fields: [accept],
  body: noBody,
});

/** Judges the backend's answer. */
class Answer implements CheckAnswer {
  readonly #spec: HttpCheckSpec;
  readonly #outcome: Outcome;
  /** Undefined: any body will do. */
  readonly #search: BodySearch | undefined;
  #hasHead = false;

  constructor(spec: HttpCheckSpec, outcome: Outcome) {
    this.#spec = spec;
    this.#outcome = outcome;
    this.#search = spec.expectBody === undefined ? undefined : new BodySearch(spec.expectBody, mostBody);
  }

  response({ status }: ResponseHead): void {
    const { expectStatus } = this.#spec;
    this.#hasHead = true;
    if (!expectStatus.some(({ from, to }) => status >= from && status <= to))
      this.#outcome.fail(
        new Error(`status ${status}, expected ${expectStatus.map(describeRange).join(", ")}`),
      );
    else if (this.#search === undefined) this.#outcome.pass();
  }

  body(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    const found = this.#search?.add(bytes.subarray(start, end));
    if (found === "found") this.#outcome.pass();
    else if (found === "missing") this.#missing(` in its first ${mostBody / 1024} Ki characters`);
    if (last) this.end();
    return true;
  }

  end(): void {
    this.#missing("");
  }

  failed(message: string | undefined): void {
    if (message !== undefined) this.#outcome.fail(new Error(message));
    else if (this.#hasHead) this.#missing(", and was cut short");
  }

  #missing(where: string): void {
    const { expectBody } = this.#spec;
    this.#outcome.fail(new Error(`the body does not contain ${JSON.stringify(expectBody)}${where}`));
  }
}

const describeRange = ({ from, to }: StatusRange): string => (from === to ? String(from) : `${from}-${to}`);
