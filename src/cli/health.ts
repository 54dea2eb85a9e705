import { formatAddress } from "../lib/address.ts";
import { type AdminChoice, askAdmin, findAdmin, noAnswer } from "./admin-client.ts";
import { exitCode, printError } from "./exit.ts";

export interface HealthOptions extends AdminChoice {
  /** Whether to print the JSON of `/readyz`. */
  readonly json?: true;
}

/** `umay health`: asks `/readyz`, without a retry, for container health checks. */
export async function health({ json, ...choice }: HealthOptions): Promise<number> {
  const address = await findAdmin(choice);
  if (address === undefined) return exitCode.badConfig;
  try {
    const { status, body } = await askAdmin(address, "/readyz", json ? { accept: "application/json" } : {});
    if (json || status === 200) process.stdout.write(`${body.trim()}\n`);
    if (status === 200) return exitCode.good;
    if (!json) printError(`not ready (${status}): ${body.trim()}`);
  } catch (error) {
    printError(noAnswer(formatAddress(address), error as Error));
  }
  return exitCode.failed;
}
