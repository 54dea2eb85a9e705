import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { endWithTest } from "./end-with-test.ts";
import { soon } from "./peer.ts";

/** `openssl s_server`. */
export class OpensslServer implements AsyncDisposable {
  readonly address: string;
  readonly child: ChildProcess;

  constructor(child: ChildProcess, address: string) {
    this.child = child;
    this.address = address;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null) return;
    const exited = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await exited;
  }
}

/** @param does `reverse`: it sends each line back in reverse. `commands`: it takes commands from its standard input. */
export async function startOpensslServer(
  args: readonly string[],
  does: "reverse" | "commands" = "reverse",
): Promise<OpensslServer> {
  const mode = does === "reverse" ? ["-rev"] : [];
  const child = endWithTest(
    spawn("openssl", ["s_server", "-accept", "127.0.0.1:0", ...mode, ...args], {
      stdio: ["pipe", "pipe", "ignore"],
    }),
  );
  let text = "";
  const accepting = new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      const address = /^ACCEPT (\S+)\n/m.exec(text)?.[1];
      if (address !== undefined) resolve(address);
    });
    child.once("exit", (code) => reject(new Error(`openssl s_server ended with ${code}: ${text}`)));
  });
  try {
    return new OpensslServer(child, await soon(accepting, "openssl s_server"));
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
}
