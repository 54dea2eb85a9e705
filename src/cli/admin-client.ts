import { formatAddress, parseAddress, type SocketAddress } from "../lib/address.ts";
import { http } from "../lib/node-modules.ts";
import { ConfigError, type ConfigProblem } from "../providers/provider.ts";
import { exitCode, printError } from "./exit.ts";

/** How a command was told which umay it is about. */
export interface AdminChoice {
  /** What `--admin` or `UMAY_ADMIN` names: `host:port`, `[v6]:port` or `unix:/path`. */
  readonly admin?: string | undefined;
  /** Where that is missing: the configuration whose `admin.bind` is asked, as `--config` names it. */
  readonly config?: string | undefined;
}

export interface AdminAnswer {
  readonly status: number;
  readonly body: string;
}

/** In milliseconds; a reload may have to wait for names. */
const usualTimeout = 3_000;
export const longTimeout = 30_000;

/** Sends one request to an admin server; there is no retry. @throws Error that says what kept the answer away. */
export async function askAdmin(
  address: SocketAddress,
  path: string,
  method: "GET" | "POST" = "GET",
  timeout = usualTimeout,
): Promise<AdminAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<AdminAnswer>();
  const target = address.kind === "unix" ? { socketPath: address.path } : address;
  const signal = AbortSignal.timeout(timeout);
  const outgoing = http().request({ ...target, path, method, signal, agent: false }, (response) => {
    let body = "";
    response.setEncoding("utf8").on("data", (chunk: string) => {
      body += chunk;
    });
    response.once("error", reject).once("end", () => resolve({ status: response.statusCode ?? 0, body }));
  });
  outgoing.once("error", (error) =>
    reject(signal.aborted ? new Error(`nothing within ${timeout / 1000} s`) : error),
  );
  outgoing.end();
  return promise;
}

/**
 * Asks the umay that a command is about, and hands on what it answered with success.
 * @param then gets the answer's JSON, and whom it is from. @returns the exit code; what went wrong was said on standard error.
 */
export async function withAdmin<T>(
  choice: AdminChoice,
  request: { readonly path: string; readonly method?: "GET" | "POST"; readonly timeout?: number },
  then: (answer: T, from: SocketAddress) => void,
): Promise<number> {
  const address = await findAdmin(choice);
  if (address === undefined) return exitCode.badConfig;
  try {
    const { status, body } = await askAdmin(address, request.path, request.method, request.timeout);
    if (status === 200) {
      then(JSON.parse(body) as T, address);
      return exitCode.good;
    }
    if (status === 422) {
      (await import("./load.ts")).printProblems((JSON.parse(body) as { problems: ConfigProblem[] }).problems);
      return exitCode.badConfig;
    }
    printError(reasonOf(body));
  } catch (error) {
    printError(`no answer from ${formatAddress(address)}: ${(error as Error).message}`);
  }
  return exitCode.failed;
}

/** @returns undefined when the configuration does not say; what is wrong with it was said on standard error. */
async function findAdmin({ admin, config }: AdminChoice): Promise<SocketAddress | undefined> {
  if (admin !== undefined) return parseAddress(admin) as SocketAddress;
  // `umay health` runs every few seconds, and needs none of it.
  const { readAdminAddress } = await import("../providers/toml/admin-address.ts");
  try {
    return await readAdminAddress({ file: config, env: process.env, cwd: process.cwd() });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    (await import("./load.ts")).printProblems(error.problems);
    printError("name the admin server with --admin, or the configuration that it runs with with --config");
    return undefined;
  }
}

/** What an answer without success says: its `error`, or its text. */
function reasonOf(body: string): string {
  try {
    return (JSON.parse(body) as { error: string }).error;
  } catch {
    return body.trim();
  }
}
