import { writeSync } from "node:fs";
import { openLogDestination } from "../../src/observe/destination.ts";
import { createLogger } from "../../src/observe/logger.ts";

/*
 * A process that logs: `log-child.ts FORMAT LINES PADDING` writes so many numbered lines, flushes, tells on standard error
 * how many were dropped, and exits.
 */
const [format, count, padding] = process.argv.slice(2);
const destination = await openLogDestination(format === "pretty" ? "pretty" : "json", false);
const logger = createLogger({ level: "info" }, destination);
const text = "x".repeat(Number(padding));
for (let line = 0; line < Number(count); line++) {
  logger.info({ line }, text);
  // A process that is busy lets its event loop turn all the same.
  if (line % 50 === 0) await new Promise(setImmediate);
}
await destination.flush();
// Written past the stream, because a reader of it may be part of the test.
writeSync(2, `dropped ${destination.dropped()}\n`);
process.exit(0);
