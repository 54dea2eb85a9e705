import { get } from "node:http";
import { parseAddress } from "../lib/address.ts";
import { exitCode, printError } from "./exit.ts";

const timeoutMs = 3000;

/** `umay health`: asks `/readyz` of the admin server at `admin`. Made for container health checks: one request, no retry. */
export async function health(admin: string): Promise<number> {
  try {
    const { status, body } = await ask(admin, "/readyz");
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

async function ask(admin: string, path: string): Promise<{ status: number; body: string }> {
  const address = parseAddress(admin);
  if (typeof address === "string") throw new Error(address);
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
  const target = address.kind === "unix" ? { socketPath: address.path } : address;
  const signal = AbortSignal.timeout(timeoutMs);
  const request = get({ ...target, path, signal, agent: false }, (response) => {
    let body = "";
    response.setEncoding("utf8").on("data", (chunk: string) => {
      body += chunk;
    });
    response.once("error", reject).once("end", () => resolve({ status: response.statusCode ?? 0, body }));
  });
  request.once("error", (error) =>
    reject(signal.aborted ? new Error(`nothing within ${timeoutMs / 1000} s`) : error),
  );
  return promise;
}
