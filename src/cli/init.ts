import { access, writeFile } from "node:fs/promises";
import { dirname, isAbsolute, relative, resolve } from "node:path";
import { createInterface, type Interface } from "node:readline/promises";
import { parseAddress } from "../lib/address.ts";
import { loadConfigText } from "../providers/toml/load.ts";
import { exitCode, printError } from "./exit.ts";
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

/** The answers that are known, as they were given. */
interface Answers {
  listen: string | undefined;
  http: boolean | undefined;
  cert: string | undefined;
  key: string | undefined;
  backends: readonly string[];
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
    backends: options.backend,
  };
  if (options.yes !== true && !toOutput && process.stdin.isTTY && process.stdout.isTTY) await askFor(answers);
  const choice = choiceOf(answers, options, toOutput ? "." : dirname(file));
  if (typeof choice === "string") {
    printError(choice);
    return exitCode.usage;
  }
  const text = initText(choice);
  const directory = resolve(toOutput ? "." : dirname(file));
  const loaded = await orExplain(loadConfigText(text, { name: file, directory, env: {} }));
  if (loaded === undefined) return exitCode.badConfig;
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

/** Asks for what no option has said. */
async function askFor(answers: Answers): Promise<void> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    answers.http ??= /^y/i.test(
      await ask(terminal, "Are requests of HTTP to be read and routed? Else bytes are passed on [y/N] "),
    );
    if (answers.cert === undefined)
      answers.cert = (await ask(terminal, "Certificate of TLS, a PEM file (empty: no TLS): ")) || undefined;
    if (answers.cert !== undefined && answers.key === undefined)
      answers.key = (await ask(terminal, `Its key [${keyBeside(answers.cert)}]: `)) || undefined;
    const usual = usualPort(answers);
    answers.listen ??= (await ask(terminal, `Address or port to listen on [${usual}]: `)) || usual;
    if (answers.backends.length === 0)
      answers.backends = (await ask(terminal, "Backends, host:port, with blanks between them: "))
        .split(/[\s,]+/)
        .filter(Boolean);
  } finally {
    terminal.close();
  }
}

const ask = async (terminal: Interface, question: string): Promise<string> =>
  (await terminal.question(question)).trim();

const usualPort = ({ http, cert }: Answers): string => (cert !== undefined ? "443" : http ? "80" : "9994");

/** `web.pem` has `web.key` beside it. */
const keyBeside = (cert: string): string => cert.replace(/\.(pem|crt|cer)$/i, "").concat(".key");

/** @param directory of the configuration. @returns what to write, or what is wrong with the answers. */
function choiceOf(answers: Answers, options: InitOptions, directory: string): InitChoice | string {
  const { cert, key, backends, http = false } = answers;
  if (backends.length === 0) return "say where connections go, with --backend host:port; it may be repeated";
  for (const backend of backends) {
    const address = parseAddress(backend);
    if (typeof address === "string") return `--backend ${backend} ${address}`;
  }
  if (key !== undefined && cert === undefined) return "--key needs --cert";
  if (options.redirect !== undefined && (!http || cert === undefined))
    return "--redirect sends clients from http to https: it needs --http and --cert";
  if (options.healthPath !== undefined && !options.healthPath.startsWith("/"))
    return `--health-path ${options.healthPath} does not begin with /`;
  const listen = readListen(answers.listen ?? usualPort(answers));
  if (typeof listen === "string") return `--listen ${listen}`;
  const redirect = options.redirect === undefined ? undefined : readListen(options.redirect);
  if (typeof redirect === "string") return `--redirect ${redirect}`;
  const { healthPath, admin, backendTls = false } = options;
  const from = (path: string): string => fromFolder(resolve(directory), resolve(path));
  const certificate =
    cert === undefined ? undefined : { cert: from(cert), key: from(key ?? keyBeside(cert)) };
  const rest = { redirect: redirect?.bind, backendTls, healthPath, admin };
  return { listen: listen.bind, certificate, backends, http, ...rest };
}

/** Below the folder of the configuration by a relative path, which may move with it. */
function fromFolder(folder: string, path: string): string {
  const near = relative(folder, path);
  return near.startsWith("..") || isAbsolute(near) ? path : near;
}
