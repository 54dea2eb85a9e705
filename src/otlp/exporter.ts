import { setTimeout as sleep } from "node:timers/promises";
import { backoff } from "../lib/backoff.ts";
import { SendFailure } from "./failure.ts";
import { post } from "./post.ts";
import type { Refused } from "./wire.ts";

export interface ExporterOptions {
  readonly headers: Readonly<Record<string, string>>;
  /** Things that wait while a report is under way; a report without any counts as one. The oldest reports beyond are dropped. */
  readonly mostWaiting: number;
  /** An answer must come within this time, and all answers at the end of the process, in milliseconds; default: 10 s. */
  readonly patience?: number;
  /** The first and the last wait before the same is sent again, in milliseconds; default: 1 s and 5 s. */
  readonly waits?: readonly [number, number];
  /** Sends a body in another way than as JSON, and says what was refused of it. @throws SendFailure */
  readonly send?: (body: object, signal: AbortSignal) => Promise<Refused>;
  /** Told of a failure, and of how many things were lost by it. */
  readonly failed: (error: Error, lost: number) => void;
}

/** A part of a report: the body of one request. */
export interface Part {
  readonly body: object;
  /** Things in it. */
  readonly count: number;
}

/** How often a part is sent at most. */
const mostTries = 5;
/** The longest wait that a collector may ask for, in milliseconds. Meanwhile reports are dropped. */
const longestWait = 300_000;

interface Report {
  readonly parts: Iterable<Part>;
  readonly count: number;
}

const roomOf = ({ count }: Report): number => Math.max(count, 1);

/**
 * Sends reports to one URL of a collector, one after the other, and again where the collector has no time. A collector that is
 * slow or away costs reports, no more.
 */
export class Exporter {
  readonly #url: string;
  readonly #options: ExporterOptions;
  readonly #patience: number;
  readonly #waiting: Report[] = [];
  #room: number;
  /** The process ends: nothing is sent again. */
  readonly #hurry = new AbortController();
  readonly #ending = new AbortController();
  #sending: Promise<void> | undefined;

  constructor(url: string, options: ExporterOptions) {
    this.#url = url;
    this.#options = options;
    this.#patience = options.patience ?? 10_000;
    this.#room = options.mostWaiting;
  }

  /** @param parts each is asked for when it is sent. @param count of things in all; 0: they are not known before. */
  send(parts: Iterable<Part>, count: number): void {
    const report = { parts, count };
    this.#room -= roomOf(report);
    while (this.#room < 0 && this.#waiting.length > 0)
      this.#options.failed(new Error("the collector is too slow"), this.#next()!.count);
    this.#waiting.push(report);
    this.#start();
  }

  #start(): void {
    this.#sending ??= this.#work().finally(() => {
      this.#sending = undefined;
      // It came when all of the others were sent, and this was not told yet.
      if (this.#waiting.length > 0) this.#start();
    });
  }

  /** Resolves when nothing waits any more, or has waited for too long. */
  async end(): Promise<void> {
    this.#hurry.abort();
    const timer = setTimeout(() => this.#ending.abort(), this.#patience);
    while (this.#sending !== undefined) await this.#sending;
    clearTimeout(timer);
  }

  #next(): Report | undefined {
    const report = this.#waiting.shift();
    if (report !== undefined) this.#room += roomOf(report);
    return report;
  }

  /** Never rejects. */
  async #work(): Promise<void> {
    for (let report = this.#next(); report !== undefined; report = this.#next())
      try {
        for (const part of report.parts) if (!(await this.#deliver(part))) break;
      } catch (error) {
        this.#options.failed(error as Error, report.count);
      }
  }

  /** @returns whether the rest of its report is worth a try. */
  async #deliver({ body, count }: Part): Promise<boolean> {
    const { failed } = this.#options;
    const payload = this.#options.send === undefined ? JSON.stringify(body) : body;
    for (let tries = 1; ; tries++)
      try {
        const refused = await this.#send(payload);
        if (refused.count > 0 || refused.message !== "")
          failed(new Error(`the collector refused some: ${refused.message.slice(0, 1_000)}`), refused.count);
        return true;
      } catch (error) {
        const again = error instanceof SendFailure ? error.again : undefined;
        if (again === undefined || tries === mostTries || this.#hurry.signal.aborted) {
          failed(error as Error, count);
          return again === undefined;
        }
        await this.#wait(again, tries - 1);
      }
  }

  #send(payload: object | string): Promise<Refused> {
    const signal = AbortSignal.any([AbortSignal.timeout(this.#patience), this.#ending.signal]);
    return typeof payload === "string"
      ? post(this.#url, payload, this.#options.headers, signal)
      : this.#options.send!(payload, signal);
  }

  /** @param asked by the collector, in milliseconds. */
  async #wait(asked: number, tries: number): Promise<void> {
    const { waits = [1_000, 5_000] } = this.#options;
    const wait = Math.min(asked, longestWait) + backoff(waits, tries);
    await sleep(wait, undefined, { signal: this.#hurry.signal, ref: false }).catch(() => {});
  }
}
