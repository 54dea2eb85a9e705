/** Exit codes of the process. 78 is EX_CONFIG of sysexits.h. */
export const exitCode = { good: 0, failed: 1, usage: 2, badConfig: 78 } as const;

/** Writes an error to standard error, for every command. */
export function printError(message: string): void {
  process.stderr.write(`umay: ${message}\n`);
}
