import { resolve } from "node:path";
import { parseAddress } from "../lib/address.ts";
import type { Finding } from "../lib/findings.ts";
import { err, ok, type Result } from "../lib/result.ts";
import { loadCertificate } from "../material/certificates.ts";
import { foreignAddress } from "../providers/toml/report/foreign-values.ts";
import { readListen } from "./init-text.ts";

/** The answers that are known, as they were given. */
export interface Answers {
  listen: string | undefined;
  http: boolean | undefined;
  cert: string | undefined;
  key: string | undefined;
  redirect: string | undefined;
  backends: readonly string[];
}

/** Where a person can be asked. */
export interface Dialogue {
  /** @returns the answer, without blanks around it. */
  ask(question: string): Promise<string>;
  say(text: string): void;
}

/** Asks for what is not known. An answer that can't be used is told at once, and asked for again. */
export async function askFor(answers: Answers, dialogue: Dialogue): Promise<void> {
  const until = async <T>(
    question: string,
    read: (text: string) => Result<T, string> | Promise<Result<T, string>>,
  ): Promise<T> => {
    for (;;) {
      const answer = await read(await dialogue.ask(question));
      if (answer.ok) return answer.value;
      dialogue.say(answer.error);
    }
  };
  answers.http ??= await until(
    "Are requests of HTTP to be read and routed? Else bytes are passed on [y/N] ",
    (text) => yesOrNo(text, false),
  );
  if (answers.cert !== undefined) {
    const given = await readCert(answers.cert);
    if (!given.ok) dialogue.say(given.error);
    answers.cert = given.ok ? given.value : undefined;
  }
  answers.cert ??= await until("Certificate of TLS, a PEM file (empty: no TLS): ", readCert);
  const { cert } = answers;
  if (cert !== undefined)
    answers.key ??= await until(`Its key [${keyBeside(cert)}]: `, (text) =>
      readKey(cert, text || keyBeside(cert)),
    );
  const usual = usualPort(answers);
  answers.listen ??= await until(`Address or port to listen on [${usual}]: `, (text) => {
    const listen = readListen(text || usual);
    return typeof listen === "string" ? err(listen) : ok(text || usual);
  });
  if (answers.http && cert !== undefined)
    answers.redirect ??= (await until(
      "Are clients of plain HTTP on port 80 to be sent to https? [Y/n] ",
      (text) => yesOrNo(text, true),
    ))
      ? "80"
      : undefined;
  if (answers.backends.length === 0)
    answers.backends = await until("Backends, host:port, with blanks between them: ", (text) =>
      readBackends(text.split(/[\s,]+/).filter(Boolean)),
    );
}

function yesOrNo(text: string, usual: boolean): Result<boolean, string> {
  if (text === "") return ok(usual);
  if (/^(?:yes|y)$/i.test(text)) return ok(true);
  return /^(?:no|n)$/i.test(text) ? ok(false) : err(`${text} is neither y nor n`);
}

async function readCert(cert: string): Promise<Result<string | undefined, string>> {
  if (cert === "") return ok(undefined);
  const problem = await pairProblem(cert, keyBeside(cert), "cert");
  return problem === undefined ? ok(cert) : err(problem);
}

async function readKey(cert: string, key: string): Promise<Result<string, string>> {
  const problem = await pairProblem(cert, key, "key");
  return problem === undefined ? ok(key) : err(problem);
}

/** The fault of one of both files, if there is any. */
async function pairProblem(cert: string, key: string, of: "cert" | "key"): Promise<string | undefined> {
  const findings: Finding[] = [];
  const source = { kind: "file", cert: resolve(cert), key: resolve(key) } as const;
  await loadCertificate(source, "clients", [], (finding) => findings.push(finding));
  return findings.find(({ severity, path }) => severity === "error" && path[0] === of)?.message;
}

export function readBackends(backends: readonly string[]): Result<readonly string[], string> {
  if (backends.length === 0) return err("name at least one backend, such as 127.0.0.1:8080");
  for (const backend of backends) {
    const address = parseAddress(backend);
    if (typeof address !== "string") continue;
    const hint = foreignAddress(backend, "127.0.0.1");
    return err(`${backend} ${address}${hint === undefined ? "" : `; ${hint}`}`);
  }
  return ok(backends);
}

/** The port of a configuration that names none. */
export const usualPort = ({ http, cert }: Pick<Answers, "http" | "cert">): string =>
  cert !== undefined ? "443" : http ? "80" : "9994";

/** `web.pem` has `web.key` beside it. */
export const keyBeside = (cert: string): string => cert.replace(/\.(pem|crt|cer)$/i, "").concat(".key");
