import { write } from "node:fs";
import { Socket } from "node:net";
import type { Writable } from "node:stream";
import type { LogSettings } from "../model/model.ts";
import { type ByteSink, LineWriter } from "./line-writer.ts";
import { prettyRenderer } from "./pretty.ts";

/** The output of the process's log. It never throws, never blocks and never ends the process. */
export interface LogDestination {
  /** @param lines JSON lines, each with its newline. */
  write(lines: string | Uint8Array): void;
  /** @param lines of any form, which are not rendered. */
  writeAsIs(lines: string | Uint8Array): void;
  /** How many lines could not be written so far. */
  dropped(): number;
  /** Waits for pending writes, for a second at most. Call it before the process ends. */
  flush(): Promise<void>;
}

/**
 * Opens standard output for the log.
 * @param verbose whether the pretty form has all fields of sessions.
 *
 * umay does not use pino's destination: it writes by `fs.write`, and a thread of libuv's pool that waits for a pipe's
 * reader keeps the process from exiting. Pipes and sockets have to be written through the event loop, files through the
 * pool.
 */
export async function openLogDestination(
  format: LogSettings["format"],
  verbose: boolean,
): Promise<LogDestination> {
  const writer = new LineWriter(standardOutput(), sayOnce);
  const render = format === "pretty" ? await prettyRenderer(verbose) : undefined;
  return {
    write: (lines) => writer.write(render === undefined ? lines : render(textOf(lines))),
    writeAsIs: (lines) => writer.write(lines),
    dropped: () => writer.dropped,
    flush: () => writer.flush(),
  };
}

const textOf = (lines: string | Uint8Array): string =>
  typeof lines === "string" ? lines : Buffer.from(lines).toString();

function standardOutput(): ByteSink {
  const stdout: Writable = process.stdout;
  // Each write's callback says the same.
  for (const stream of [stdout, process.stderr]) stream.on("error", () => {});
  // Pipes, sockets and terminals are sockets to Node; the rest are files and devices.
  return stdout instanceof Socket
    ? (bytes, done) => stdout.write(bytes, (error) => done(error, bytes.length))
    : (bytes, done) => write(1, bytes, done);
}

const sayEveryMs = 60_000;
let said = Number.NEGATIVE_INFINITY;

/** Goes to standard error, because the log can't report its own failure. */
function sayOnce(error: Error): void {
  const now = performance.now();
  if (now - said < sayEveryMs) return;
  said = now;
  process.stderr.write(
    `umay: cannot write the log to standard output (${error.message}): lines are dropped, and counted in umay_log_lines_dropped_total\n`,
  );
}
