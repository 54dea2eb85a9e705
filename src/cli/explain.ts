import { readQuestion } from "../control/tell/explain.ts";
import { parseAddress, type SocketAddress } from "../lib/address.ts";
import type { Explanation } from "../model/explanation.ts";
import { askAdmin, noAnswer } from "./admin-client.ts";
import { exitCode, printError } from "./exit.ts";
import { formatExplanation, near } from "./explain-text.ts";
import { type ConfigChoice, loadOrExplain } from "./load.ts";

export interface ExplainOptions {
  /** Of a request; undefined: the connection alone is asked about. */
  readonly url?: string | undefined;
  readonly method: string;
  readonly header: readonly string[];
  /** A file of requests with the routes that they must have. */
  readonly cases?: string;
  readonly listener?: string;
  readonly client?: string;
  readonly via?: string;
  readonly sni?: string;
  readonly alpn: readonly string[];
  readonly protocol?: string;
  /** The running umay to ask; undefined to ask the configuration. */
  readonly admin?: string;
  readonly config?: string;
  /** A bootstrap file of Envoy's, instead of a configuration. */
  readonly envoyConfig?: string;
  /** An object of a cluster to ask instead, such as `gateway/web`. */
  readonly kubernetes?: string;
  readonly namespace?: string;
  readonly json?: true;
}

/** `umay explain`: how umay would treat a connection. @returns 0 when it would be served, 1 when it would not. */
export async function explain(options: ExplainOptions): Promise<number> {
  const { admin, cases } = options;
  if (admin !== undefined && cases !== undefined) {
    printError("cases are judged by a configuration, not by a running umay; leave --admin out");
    return exitCode.usage;
  }
  if (cases !== undefined) return judgeCases(options, cases);
  const query = queryOf(options);
  const answer = await ask(options, query);
  if (typeof answer === "number") return answer;
  const color = process.stdout.hasColors?.() ?? false;
  const text = options.json ? `${JSON.stringify(answer, null, 2)}\n` : formatExplanation(answer, { color });
  process.stdout.write(text);
  return answer.served ? exitCode.good : exitCode.failed;
}

async function ask(options: ExplainOptions, query: URLSearchParams): Promise<Explanation | number> {
  const { admin, kubernetes } = options;
  if (kubernetes !== undefined) {
    const { askCluster } = await import("./explain-cluster/ask.ts");
    return askCluster({ ...options, kubernetes }, query);
  }
  return admin === undefined ? askFile(options, query) : askRunning(admin, query);
}

function queryOf(options: ExplainOptions): URLSearchParams {
  const query = new URLSearchParams();
  if (options.url !== undefined) {
    query.set("url", options.url);
    query.set("method", options.method);
    for (const field of options.header) query.append("header", field);
  }
  for (const name of ["listener", "client", "via", "sni", "protocol"] as const)
    if (options[name] !== undefined) query.set(name, options[name]);
  for (const name of options.alpn) query.append("alpn", name);
  return query;
}

/** @returns the exit code when there is no explanation; the reason was written to standard error. */
async function askFile(choice: ConfigChoice, query: URLSearchParams): Promise<Explanation | number> {
  const loaded = await loadOrExplain(choice);
  if (loaded === undefined) return exitCode.badConfig;
  const from = loaded.file === "-" ? "standard input" : near(loaded.file);
  const question = readQuestion(query, loaded.model.listeners);
  if (!question.ok) {
    printError(`${question.error.message}\n  this was asked of ${from}; --admin asks a running umay`);
    return exitCode.usage;
  }
  const { explainModel } = await import("./explain-file.ts");
  try {
    return await explainModel(loaded.model, question.value, from);
  } catch (error) {
    printError((error as Error).message);
    return exitCode.badConfig;
  }
}

/** @returns 0 where every request has the route that it must have. */
async function judgeCases(choice: ConfigChoice, file: string): Promise<number> {
  const loaded = await loadOrExplain(choice);
  if (loaded === undefined) return exitCode.badConfig;
  const { readCases, runCases } = await import("./explain-http/cases.ts");
  try {
    const { count, differences } = await runCases(loaded.model, await readCases(file));
    const verdict =
      differences.length === 0
        ? `${count} cases are as expected`
        : `${differences.length} of ${count} cases differ`;
    process.stdout.write([...differences, verdict, ""].join("\n"));
    return differences.length === 0 ? exitCode.good : exitCode.failed;
  } catch (error) {
    printError(`${file} can't be used: ${(error as Error).message}`);
    return exitCode.usage;
  }
}

/** As {@link askFile}. */
async function askRunning(admin: string, query: URLSearchParams): Promise<Explanation | number> {
  try {
    const { status, body } = await askAdmin(parseAddress(admin) as SocketAddress, `/explain?${query}`);
    if (status === 431) throw new Error("the request is too long to be asked about; ask a configuration");
    const answer = JSON.parse(body) as Explanation & { readonly error?: string };
    if (status === 200) return answer;
    printError(answer.error ?? body);
    return status === 400 || status === 404 ? exitCode.usage : exitCode.failed;
  } catch (error) {
    printError(noAnswer(admin, error as Error));
    return exitCode.failed;
  }
}
