import type { IncomingMessage } from "node:http";
import { http } from "../lib/node-modules.ts";
import { version } from "../lib/version.ts";
import type { HttpCheckSpec, StatusRange } from "../model/health.ts";
import { authorityOf, exchange, type HealthCheck, type Outcome } from "./check.ts";
import { createDial } from "./dial.ts";

/** How much of a body is searched for what it must hold, in characters. */
const mostBody = 64 * 1024;

/**
 * Passed when a request over HTTP/1.1 is answered with the right status, and the body holds the right text. Redirects
 * are not followed.
 */
export function createHttpCheck(spec: HttpCheckSpec): HealthCheck {
  const dial = createDial(spec, "http/1.1");
  const { method, path } = spec;
  return {
    check(target, signal) {
      const socket = dial(target);
      const host = spec.host ?? authorityOf(target);
      const headers = {
        host,
        "user-agent": `umay/${version} health check`,
        accept: "*/*",
        connection: "close",
      };
      return exchange(socket, signal, (outcome) => {
        const sent = http().request({
          createConnection: () => socket,
          method,
          path,
          headers,
          setHost: false,
        });
        sent.on("error", outcome.fail);
        sent.on("response", (response) => judge(response, spec, outcome));
        // An answer 101 is one, too.
        sent.on("upgrade", (response) => judge(response, spec, outcome));
        sent.end();
      });
    },
  };
}

function judge(response: IncomingMessage, spec: HttpCheckSpec, outcome: Outcome): void {
  const status = response.statusCode!;
  const { expectStatus, expectBody } = spec;
  if (!expectStatus.some(({ from, to }) => status >= from && status <= to))
    outcome.fail(new Error(`status ${status}, expected ${expectStatus.map(describeRange).join(", ")}`));
  else if (expectBody === undefined) outcome.pass();
  else search(response, expectBody, outcome);
}

function search(response: IncomingMessage, wanted: string, { pass, fail }: Outcome): void {
  let body = "";
  const missing = (where: string): void =>
    fail(new Error(`the body does not contain ${JSON.stringify(wanted)}${where}`));
  response.setEncoding("utf8");
  response.on("data", (text: string) => {
    body = (body + text).slice(0, mostBody);
    if (body.includes(wanted)) pass();
    else if (body.length === mostBody) missing(` in its first ${mostBody / 1024} Ki characters`);
  });
  response.on("end", () => missing(""));
  response.on("error", () => missing(", and was cut short"));
}

const describeRange = ({ from, to }: StatusRange): string => (from === to ? String(from) : `${from}-${to}`);
