import { type Logger, pino, stdTimeFunctions } from "pino";
import type { LogSettings } from "../model/model.ts";

export type { Logger } from "pino";

/** Takes whole lines. Never throws. */
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
