import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { endWithTest } from "./end-with-test.ts";
import { soon } from "./peer.ts";

/** A script of this folder, run as a process of its own; it speaks in lines. */
export class Child implements AsyncDisposable {
  readonly process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #exited: Promise<unknown>;

  constructor(script: string, args: readonly (string | number)[]) {
    const path = fileURLToPath(new URL(script, import.meta.url));
    this.process = endWithTest(
      spawn(process.execPath, [path, ...args.map(String)], {
        stdio: ["pipe", "pipe", "inherit"],
      }),
    );
    this.process.stdin!.on("error", () => {});
    this.#lines = createInterface({ input: this.process.stdout! })[Symbol.asyncIterator]();
    this.#exited = once(this.process, "exit");
  }

  /** The next line that it prints. @throws when it ends instead. */
  async line(ms?: number): Promise<string> {
    const { value, done } = await soon(this.#lines.next(), "a line of the child", ms);
    if (done === true) throw new Error("the child ended");
    return value;
  }

  say(line: string): void {
    this.process.stdin!.write(`${line}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill("SIGKILL");
    await this.#exited;
  }
}
