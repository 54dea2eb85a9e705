import { spawn } from "node:child_process";
import { once } from "node:events";
import { endWithTest } from "./end-with-test.ts";
import { soon } from "./peer.ts";

/** Reading the CAs that the system trusts takes as long as the rest: no client of a test needs them. */
const noCas = ["-no-CAfile", "-no-CApath", "-no-CAstore"];

/** The output of `openssl s_client`, both streams together. */
export interface SClient {
  readonly output: string;
  readonly code: number | null;
}

/**
 * Runs the system's `openssl s_client` against a port of 127.0.0.1 to its end.
 * @param input what it is given to send; then it is told that there is no more, and ends.
 * @param until the input ends only when this was printed.
 */
export async function sClient(
  port: number,
  args: readonly string[],
  input = "",
  until?: string,
): Promise<SClient> {
  const child = endWithTest(
    spawn("openssl", ["s_client", "-connect", `127.0.0.1:${port}`, ...noCas, ...args]),
  );
  child.stdin.on("error", () => {});
  let output = "";
  const collect = (text: string): void => {
    output += text;
    if (until !== undefined && output.includes(until)) child.stdin.end();
  };
  child.stdout.setEncoding("utf8").on("data", collect);
  child.stderr.setEncoding("utf8").on("data", collect);
  child.stdin.write(input);
  if (until === undefined) child.stdin.end();
  try {
    const [code] = await soon(once(child, "close"), `openssl s_client (${output})`);
    return { output, code };
  } finally {
    child.kill("SIGKILL");
  }
}

export interface EchoReport extends SClient {
  /** Whether what it sent came back. */
  readonly echoed: boolean;
  /** Whether it resumed a session. */
  readonly reused: boolean;
}

const greeting = "hello through openssl";

/** Sends a line to an echo backend and ends when it comes back, or when umay ends it. TLS 1.3 tickets come before that. */
export async function openssl(port: number, ...args: readonly string[]): Promise<EchoReport> {
  const client = await sClient(port, args, `${greeting}\n`, greeting);
  const { output } = client;
  return { ...client, echoed: output.includes(greeting), reused: /^Reused, /m.test(output) };
}
