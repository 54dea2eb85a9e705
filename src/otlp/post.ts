import type { IncomingMessage } from "node:http";
import { http, https } from "../lib/node-modules.ts";
import { failureOfStatus, unanswered } from "./failure.ts";
import type { Refused } from "./wire.ts";

/** Of an answer that is looked at, in bytes. */
const longestAnswer = 65_536;

/** Posts a body as JSON to a collector. @returns the part of it that the collector refused. @throws SendFailure where it takes nothing. */
export async function post(
  url: string,
  body: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Refused> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const { request } = url.startsWith("https:") ? https() : http();
  const fail = (error: Error): void => reject(unanswered(error, signal));
  const fields = {
    ...headers,
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(body)),
  };
  const options = { method: "POST", headers: fields, signal, agent: false };
  const outgoing = request(url, options, (response: IncomingMessage) => {
    const { statusCode: status = 0 } = response;
    let text = "";
    response.setEncoding("utf8").on("data", (part: string) => {
      if (text.length < longestAnswer) text += part;
    });
    response.once("error", fail).once("end", () => {
      if (status >= 200 && status < 300) resolve(text);
      else reject(failureOfStatus(status, response.headers["retry-after"], wordOf(text)));
    });
  });
  outgoing.once("error", fail);
  outgoing.end(body);
  return readRefusal(await promise);
}

/** The word of a collector that took a report in part (OTLP, "Partial Success"). */
function readRefusal(answer: string): Refused {
  const told = parse(answer)?.partialSuccess;
  const count = Number(told?.rejectedSpans ?? told?.rejectedDataPoints ?? 0);
  return { message: String(told?.errorMessage ?? ""), count: Math.max(count || 0, 0) };
}

/** The word of a collector that took nothing: `google.rpc.Status`. */
function wordOf(answer: string): string {
  const word = parse(answer)?.message;
  return typeof word === "string" ? word : "";
}

interface Answer {
  readonly partialSuccess?: {
    readonly rejectedSpans?: unknown;
    readonly rejectedDataPoints?: unknown;
    readonly errorMessage?: unknown;
  } | null;
  readonly message?: unknown;
}

/** @returns undefined for what is no JSON: the status says enough. */
function parse(text: string): Answer | undefined {
  try {
    return (JSON.parse(text) as Answer | null) ?? undefined;
  } catch {
    return undefined;
  }
}
