import type * as Https from "node:https";
import { http } from "../lib/node-modules.ts";

export interface ExporterOptions {
  readonly headers: Readonly<Record<string, string>>;
  /** Told of a failure, and of what was lost by it. */
  readonly failed: (error: Error, lost: number) => void;
}

/** An answer must come within this time, in milliseconds. */
const patience = 10_000;
/** Reports that wait while another one is under way; older ones are dropped. */
const mostWaiting = 8;

interface Report {
  readonly body: string;
  /** Things in it. */
  readonly count: number;
}

/** Sends reports to one URL of a collector, one after the other. A collector that is slow or away costs reports, no more. */
export class Exporter {
  readonly #url: string;
  readonly #options: ExporterOptions;
  readonly #waiting: Report[] = [];
  #sending: Promise<void> | undefined;

  constructor(url: string, options: ExporterOptions) {
    this.#url = url;
    this.#options = options;
  }

  /** @param count of things in the report. */
  send(body: object, count: number): void {
    if (this.#waiting.length >= mostWaiting)
      this.#options.failed(new Error("the collector is too slow"), this.#waiting.shift()!.count);
    this.#waiting.push({ body: JSON.stringify(body), count });
    this.#sending ??= this.#work().finally(() => {
      this.#sending = undefined;
    });
  }

  /** Resolves when nothing waits any more. */
  async flush(): Promise<void> {
    await this.#sending;
  }

  async #work(): Promise<void> {
    for (let report = this.#waiting.shift(); report !== undefined; report = this.#waiting.shift())
      try {
        await post(this.#url, report.body, this.#options.headers);
      } catch (error) {
        this.#options.failed(error as Error, report.count);
      }
  }
}

/** @throws where the collector does not take it. */
function post(url: string, body: string, headers: Readonly<Record<string, string>>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const https: typeof Https = process.getBuiltinModule("node:https");
  const { request } = url.startsWith("https:") ? https : http();
  const signal = AbortSignal.timeout(patience);
  const all = {
    ...headers,
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(body)),
  };
  const outgoing = request(url, { method: "POST", headers: all, signal, agent: false }, (response) => {
    const status = response.statusCode ?? 0;
    response.once("error", reject).once("end", () => {
      if (status >= 200 && status < 300) resolve();
      else reject(new Error(`the collector answered with status ${status}`));
    });
    response.resume();
  });
  outgoing.once("error", (error) =>
    reject(signal.aborted ? new Error(`no answer within ${patience / 1000} s`) : error),
  );
  outgoing.end(body);
  return promise;
}
