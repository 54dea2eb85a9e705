import { parseAddress, type SocketAddress } from "../lib/address.ts";
import { askAdmin } from "./admin-client.ts";
import { exitCode, printError } from "./exit.ts";

/** `umay health`: asks `/readyz` of the admin server at `admin`, without a retry, for container health checks. */
export async function health(admin: string): Promise<number> {
  try {
    // The command line has checked it.
    const { status, body } = await askAdmin(parseAddress(admin) as SocketAddress, "/readyz");
    if (status === 200) {
      process.stdout.write(`${body.trim()}\n`);
      return exitCode.good;
    }
    printError(`not ready (${status}): ${body.trim()}`);
  } catch (error) {
    printError(`no answer from ${admin}: ${(error as Error).message}`);
  }
  return exitCode.failed;
}
