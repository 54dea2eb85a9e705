import type { IncomingMessage } from "node:http";
import { http, https } from "../lib/node-modules.ts";
import type { Refused } from "./wire.ts";

export interface ExporterOptions {
  readonly headers: Readonly<Record<string, string>>;
  /** Reports that wait while another one is under way; older ones are dropped. */
  readonly mostWaiting: number;
  /** An answer must come within this time, and all answers at the end of the process, in milliseconds; default: 10 s. */
  readonly patience?: number;
  /** Sends a body in another way than as JSON, and says what was refused of it. */
  readonly send?: (body: object, signal: AbortSignal) => Promise<Refused>;
  /** Told of a failure, and of how much was lost by it. */
  readonly failed: (error: Error, lost: number) => void;
}

/** Of an answer that is looked at, in bytes. */
const longestAnswer = 65_536;

interface Report {
  readonly bodies: Iterable<object>;
  /** Things in it. */
  readonly count: number;
}

/** Sends reports to one URL of a collector, one after the other. A collector that is slow or away costs reports, no more. */
export class Exporter {
  readonly #url: string;
  readonly #options: ExporterOptions;
  readonly #patience: number;
  readonly #waiting: Report[] = [];
  readonly #ending = new AbortController();
  #sending: Promise<void> | undefined;

  constructor(url: string, options: ExporterOptions) {
    this.#url = url;
    this.#options = options;
    this.#patience = options.patience ?? 10_000;
  }

  /** @param bodies of the requests that make up the report; each is asked for when it is sent. @param count of things in it. */
  send(bodies: Iterable<object>, count: number): void {
    if (this.#waiting.length >= this.#options.mostWaiting)
      this.#options.failed(new Error("the collector is too slow"), this.#waiting.shift()!.count);
    this.#waiting.push({ bodies, count });
    this.#sending ??= this.#work().finally(() => {
      this.#sending = undefined;
    });
  }

  /** Resolves when nothing waits any more, or has waited for too long. */
  async end(): Promise<void> {
    const timer = setTimeout(() => this.#ending.abort(), this.#patience);
    await this.#sending;
    clearTimeout(timer);
  }

  /** Never rejects. */
  async #work(): Promise<void> {
    for (let report = this.#waiting.shift(); report !== undefined; report = this.#waiting.shift())
      try {
        for (const body of report.bodies) await this.#send(body);
      } catch (error) {
        this.#options.failed(error as Error, report.count);
      }
  }

  /** @throws where the collector does not take it. */
  async #send(body: object): Promise<void> {
    const { send, failed } = this.#options;
    const signal = AbortSignal.any([AbortSignal.timeout(this.#patience), this.#ending.signal]);
    const refused =
      send === undefined ? await this.#post(JSON.stringify(body), signal) : await send(body, signal);
    if (refused.count > 0 || refused.message !== "")
      failed(new Error(`the collector refused some: ${refused.message.slice(0, 1_000)}`), refused.count);
  }

  async #post(body: string, signal: AbortSignal): Promise<Refused> {
    const headers = {
      ...this.#options.headers,
      "content-type": "application/json",
      "content-length": String(Buffer.byteLength(body)),
    };
    return readRefusal(await post(this.#url, body, headers, signal));
  }
}

/** @returns the answer. @throws where it is not a good one. */
function post(
  url: string,
  body: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const { request } = url.startsWith("https:") ? https() : http();
  const refuse = (error: Error): void =>
    reject(signal.aborted ? new Error("it does not answer in time", { cause: error }) : error);
  const options = { method: "POST", headers, signal, agent: false };
  const outgoing = request(url, options, (response: IncomingMessage) => {
    const status = response.statusCode ?? 0;
    let text = "";
    response.setEncoding("utf8").on("data", (part: string) => {
      if (text.length < longestAnswer) text += part;
    });
    response.once("error", refuse).once("end", () => {
      if (status >= 200 && status < 300) resolve(text);
      else reject(new Error(`the collector answered with status ${status}`));
    });
  });
  outgoing.once("error", refuse);
  outgoing.end(body);
  return promise;
}

/** The word of a collector that took a report in part (OTLP, "Partial Success"). */
function readRefusal(answer: string): Refused {
  const told = parse(answer)?.partialSuccess;
  const count = Number(told?.rejectedSpans ?? told?.rejectedDataPoints ?? 0);
  return { message: String(told?.errorMessage ?? ""), count: Math.max(count || 0, 0) };
}

interface ExportResponse {
  readonly partialSuccess?: {
    readonly rejectedSpans?: unknown;
    readonly rejectedDataPoints?: unknown;
    readonly errorMessage?: unknown;
  } | null;
}

/** @returns undefined for what is no JSON: a good status says enough. */
function parse(text: string): ExportResponse | undefined {
  try {
    return (JSON.parse(text) as ExportResponse | null) ?? undefined;
  } catch {
    return undefined;
  }
}
