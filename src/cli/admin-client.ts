import { formatAddress, parseAddress, type SocketAddress } from "../lib/address.ts";
import { http } from "../lib/node-modules.ts";
import { ConfigError, type ConfigProblem } from "../providers/provider.ts";
import { exitCode, printError } from "./exit.ts";

/**
 * The options of a command that choose a running umay. The rule is the same for every command: `--admin`, `UMAY_ADMIN`,
 * `admin.bind` of the configuration, and where there is no configuration 127.0.0.1:9901.
 */
export interface AdminChoice {
  /** The value of `--admin` or `UMAY_ADMIN`: `host:port`, `[v6]:port` or `unix:/path`. */
  readonly admin?: string | undefined;
  /** Without `admin`: the value of `--config`, a configuration with `admin.bind`. */
  readonly config?: string | undefined;
}

export interface AdminAnswer {
  readonly status: number;
  readonly body: string;
}

export interface AskOptions {
  readonly method?: "GET" | "POST";
  /** In milliseconds. */
  readonly timeout?: number;
  readonly accept?: string;
}

/** In milliseconds; a reload may have to wait for names. */
const usualTimeout = 3_000;
export const longTimeout = 30_000;

/** Sends one request to an admin server, without a retry. @throws Error that says why there is no answer. */
export async function askAdmin(
  address: SocketAddress,
  path: string,
  { method = "GET", timeout = usualTimeout, accept = "*/*" }: AskOptions = {},
): Promise<AdminAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<AdminAnswer>();
  const target = address.kind === "unix" ? { socketPath: address.path } : address;
  const signal = AbortSignal.timeout(timeout);
  const headers = { accept };
  const outgoing = http().request({ ...target, path, method, headers, signal, agent: false }, (response) => {
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
 * Asks the chosen umay, and hands on a successful answer.
 * @param then gets the answer's JSON, and the umay that sent it.
 * @returns the exit code; errors were written to standard error.
 */
export async function withAdmin<T>(
  choice: AdminChoice,
  request: AskOptions & { readonly path: string },
  then: (answer: T, from: SocketAddress) => void,
): Promise<number> {
  const address = await findAdmin(choice);
  if (address === undefined) return exitCode.badConfig;
  try {
    const { status, body } = await askAdmin(address, request.path, request);
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
    printError(noAnswer(formatAddress(address), error as Error));
  }
  return exitCode.failed;
}

/** The sentence about a umay that can't be asked, with what to do where that is known. @param from its address. */
export function noAnswer(from: string, { message, code }: NodeJS.ErrnoException): string {
  const advice =
    code === "ECONNREFUSED" || code === "ENOENT"
      ? "; no umay listens there: is it running, and is this its admin.bind?"
      : code === "EACCES"
        ? "; only the user that umay runs as, and root, may ask it there"
        : "";
  return `no answer from ${from}: ${message}${advice}`;
}

const usualAddress: SocketAddress = { kind: "tcp", host: "127.0.0.1", port: 9901 };

/** @returns undefined when the configuration has no address; errors in it were written to standard error. */
export async function findAdmin({ admin, config }: AdminChoice): Promise<SocketAddress | undefined> {
  // The command line has checked it.
  if (admin !== undefined) return parseAddress(admin) as SocketAddress;
  const { readAdminAddress } = await import("../providers/toml/admin-address.ts");
  const { hasConfig } = await import("../providers/toml/find.ts");
  if (!(await hasConfig(config, process.env, process.cwd()))) return usualAddress;
  try {
    return await readAdminAddress({ file: config, env: process.env, cwd: process.cwd() });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    (await import("./load.ts")).printProblems(error.problems);
    printError("name the admin server with --admin, or the configuration that it runs with with --config");
    return undefined;
  }
}

/** The reason in an answer without success: its `error`, or its text. */
function reasonOf(body: string): string {
  try {
    return (JSON.parse(body) as { error: string }).error;
  } catch {
    return body.trim();
  }
}
