import { describeEcho, startEcho } from "./echo-server.ts";
import { exitCode, printError } from "./exit.ts";

const graceMs = 5000;

/** `umay echo`: serves until SIGTERM or SIGINT; open connections get five seconds more, or until a second signal. */
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

/** It removes the handlers again, so a second signal ends the process as usual. */
function firstSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = (): void => {
    process.off("SIGTERM", stop).off("SIGINT", stop);
    resolve();
  };
  process.on("SIGTERM", stop).on("SIGINT", stop);
  return promise;
}
