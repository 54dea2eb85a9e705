import { type Logger, pino, stdTimeFunctions } from "pino";
import type { LogSettings } from "../model/model.ts";

export type { Logger } from "pino";

/** Where whole lines go. Never throws. */
export interface LineSink {
  write(lines: string): void;
}

/**
 * A logger whose lines are JSON objects: `level` as a word, `time` in ISO 8601 (UTC), then the fields, then `msg`.
 * An error is logged as `err`, with its type, message, stack and causes.
 */
export function createLogger(settings: Pick<LogSettings, "level">, sink: LineSink): Logger {
  return pino(
    {
      level: settings.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    sink,
  );
}

/** A batch is sent when it has this many characters, */
const batchLength = 16 * 1024;
/** or this many milliseconds after its first line. */
const batchDelay = 50;

export interface WorkerLogger {
  readonly logger: Logger;
  /** Sends what is there, at once. */
  flush(): void;
}

/** The logger of a worker thread: its lines go to the main thread in batches, because only that one writes. */
export function createWorkerLogger(
  settings: Pick<LogSettings, "level">,
  send: (lines: string) => void,
): WorkerLogger {
  let batch = "";
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (batch === "") return;
    const lines = batch;
    batch = "";
    send(lines);
  }

  function write(line: string): void {
    batch += line;
    if (batch.length >= batchLength) flush();
    else timer ??= setTimeout(flush, batchDelay).unref();
  }

  return { logger: createLogger(settings, { write }), flush };
}
