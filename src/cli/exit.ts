/** What the process ends with. 78 is EX_CONFIG of sysexits.h. */
export const exitCode = { good: 0, failed: 1, usage: 2, badConfig: 78 } as const;

/** Writes a line to standard error, as every command does for what goes wrong. */
export function printError(message: string): void {
  process.stderr.write(`umay: ${message}\n`);
}
