import { access, writeFile } from "node:fs/promises";
import { dirname, isAbsolute, relative, resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { loadConfigText } from "../providers/toml/load.ts";
import { exitCode, printError } from "./exit.ts";
import { type Answers, askFor, keyBeside, readBackends, usualPort } from "./init-questions.ts";
import { type InitChoice, initText, readListen } from "./init-text.ts";
import { orExplain, printProblems } from "./load.ts";

export interface InitOptions {
  readonly listen?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly backend: readonly string[];
  readonly http?: true;
  readonly tcp?: true;
  readonly redirect?: string;
  readonly backendTls?: true;
  readonly healthPath?: string;
  readonly admin: string;
  readonly yes?: true;
  readonly force?: true;
}

/** `umay init`: writes a first configuration, of options and of questions where a person can be asked. */
export async function init(file: string, options: InitOptions): Promise<number> {
  const toOutput = file === "-";
  if (!toOutput && options.force !== true && (await exists(file))) {
    printError(`${file} is there already; --force replaces it`);
    return exitCode.usage;
  }
  const answers: Answers = {
    listen: options.listen,
    http: options.http ? true : options.tcp ? false : undefined,
    cert: options.cert,
    key: options.key,
    redirect: options.redirect,
    backends: options.backend,
  };
  const wrong = wrongOption(options);
  if (wrong !== undefined) {
    printError(wrong);
    return exitCode.usage;
  }
  const isAsked = options.yes !== true && !toOutput && process.stdin.isTTY && process.stdout.isTTY;
  if (isAsked && !(await askAtTerminal(answers))) {
    printError(`${file} was not written`);
    return exitCode.failed;
  }
  const choice = choiceOf(answers, options, toOutput ? "." : dirname(file));
  if (typeof choice === "string") {
    printError(choice);
    return exitCode.usage;
  }
  const text = initText(choice);
  const directory = resolve(toOutput ? "." : dirname(file));
  const loaded = await orExplain(loadConfigText(text, { name: file, directory, env: {} }));
  if (loaded === undefined) {
    if (!toOutput) printError(`${file} was not written`);
    return exitCode.badConfig;
  }
  printProblems(loaded.warnings);
  if (toOutput) process.stdout.write(text);
  else {
    await writeFile(file, text, { flag: options.force ? "w" : "wx" });
    process.stdout.write(`wrote ${file}; umay check ${file} shows what it does, umay ${file} runs it\n`);
  }
  return exitCode.good;
}

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

/** @returns false where the person left before the last answer. */
async function askAtTerminal(answers: Answers): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const left = new AbortController();
  terminal.once("close", () => left.abort());
  try {
    await askFor(answers, {
      ask: async (question) => (await terminal.question(question, { signal: left.signal })).trim(),
      say: (text) => process.stdout.write(`  ${text}\n`),
    });
    return true;
  } catch (error) {
    if (!left.signal.aborted) throw error;
    process.stdout.write("\n");
    return false;
  } finally {
    terminal.close();
  }
}

/** The fault of an option that no answer can mend, if there is one. */
function wrongOption({ backend, listen, redirect, healthPath }: InitOptions): string | undefined {
  const backends = backend.length === 0 ? undefined : readBackends(backend);
  if (backends?.ok === false) return `--backend ${backends.error}`;
  for (const [option, text] of Object.entries({ listen, redirect })) {
    const read = text === undefined ? undefined : readListen(text);
    if (typeof read === "string") return `--${option} ${read}`;
  }
  if (healthPath !== undefined && !healthPath.startsWith("/"))
    return `--health-path ${healthPath} does not begin with /`;
  return undefined;
}

/** @param directory of the configuration. @returns what to write, or what is wrong with the answers. */
function choiceOf(answers: Answers, options: InitOptions, directory: string): InitChoice | string {
  const { cert, key, backends, http = false, redirect } = answers;
  if (backends.length === 0) return "say where connections go, with --backend host:port; it may be repeated";
  if (key !== undefined && cert === undefined) return "--key needs --cert";
  if (redirect !== undefined && (!http || cert === undefined))
    return "--redirect sends clients from http to https: it needs --http and --cert";
  const { healthPath, admin, backendTls = false } = options;
  const from = (path: string): string => fromFolder(resolve(directory), resolve(path));
  const certificate =
    cert === undefined ? undefined : { cert: from(cert), key: from(key ?? keyBeside(cert)) };
  const listen = bindOf(answers.listen ?? usualPort(answers));
  const rest = { redirect: redirect && bindOf(redirect), backendTls, healthPath, admin };
  return { listen, certificate, backends, http, ...rest };
}

/** Of a text that was found good. */
function bindOf(text: string): string {
  const listen = readListen(text);
  if (typeof listen === "string") throw new Error(listen);
  return listen.bind;
}

/** Below the folder of the configuration by a relative path, which may move with it. */
function fromFolder(folder: string, path: string): string {
  const near = relative(folder, path);
  return near.startsWith("..") || isAbsolute(near) ? path : near;
}
