import { describeEcho, startEcho } from "./echo-server.ts";
import { exitCode, printError } from "./exit.ts";

const graceMs = 5000;

/** `umay echo`: serves until SIGTERM or SIGINT, then gives open connections five seconds; a second signal ends it at once. */
export async function echo(bind: string, name: string | undefined): Promise<number> {
  try {
    const server = await startEcho({ bind, name });
    process.stdout.write(`${describeEcho(name, server)}\n`);
    await firstSignal();
    await server.close(graceMs);
    return exitCode.good;
  } catch (error) {
    printError(`${name ?? "echo"} ${(error as Error).message}`);
    return exitCode.failed;
  }
}

/** With the handlers gone again, a second signal does what it does to any process. */
function firstSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = (): void => {
    process.off("SIGTERM", stop).off("SIGINT", stop);
    resolve();
  };
  process.on("SIGTERM", stop).on("SIGINT", stop);
  return promise;
}
