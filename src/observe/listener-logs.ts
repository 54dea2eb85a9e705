import type { ListenerLog, LoggedFields } from "../model/access-log.ts";
import { AccessLog } from "./access-log.ts";
import { type Line, LineBatch } from "./line-batch.ts";
import { compileFilter, type TakesRequest } from "./log-filter.ts";
import type { LoggedRequest, RequestRecord } from "./request-log.ts";

/** Where lines of requests go, and the fields that they need. */
export interface RequestLines extends LoggedFields {
  /** @param request undefined: it was not read. */
  record(record: RequestRecord, request: LoggedRequest | undefined): void;
}

/** The logs of a listener, each with the requests that it takes. */
class Lines implements RequestLines {
  readonly requestFields: readonly string[];
  readonly responseFields: readonly string[];
  readonly trailerFields: readonly string[];
  readonly #logs: readonly { readonly log: AccessLog; readonly takes: TakesRequest | undefined }[];

  constructor(logs: readonly ListenerLog[], write: (file: string, line: Line) => void) {
    this.requestFields = [...new Set(logs.flatMap(({ requestFields }) => requestFields))];
    this.responseFields = [...new Set(logs.flatMap(({ responseFields }) => responseFields))];
    this.trailerFields = [...new Set(logs.flatMap(({ trailerFields }) => trailerFields))];
    this.#logs = logs.map((settings) => ({
      log: new AccessLog(settings, (line) => write(settings.file, line)),
      takes: settings.filter && compileFilter(settings.filter),
    }));
  }

  record(record: RequestRecord, request: LoggedRequest | undefined): void {
    for (const { log, takes } of this.#logs)
      if (takes === undefined || takes(record, request)) log.record(record, request);
  }
}

/** The logs of the listeners of a worker. They are made once for each state of a listener. */
export class ListenerLogs {
  readonly #made = new WeakMap<readonly ListenerLog[], RequestLines>();
  readonly #batches = new Map<string, LineBatch>();
  readonly #send: (lines: Uint8Array<ArrayBuffer>, file: string) => void;

  constructor(send: (lines: Uint8Array<ArrayBuffer>, file: string) => void) {
    this.#send = send;
  }

  of(logs: readonly ListenerLog[]): RequestLines {
    let lines = this.#made.get(logs);
    if (lines === undefined) {
      lines = new Lines(logs, (file, line) => this.#batchOf(file).add(line));
      this.#made.set(logs, lines);
    }
    return lines;
  }

  #batchOf(file: string): LineBatch {
    let batch = this.#batches.get(file);
    if (batch === undefined) {
      batch = new LineBatch((lines) => this.#send(lines, file));
      this.#batches.set(file, batch);
    }
    return batch;
  }

  /** Sends all lines at once. */
  flush(): void {
    for (const batch of this.#batches.values()) batch.flush();
  }
}
