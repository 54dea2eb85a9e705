import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { CertificatePair } from "./certificates.ts";
import { endWithTest } from "./end-with-test.ts";
import { soon } from "./peer.ts";

type Built = { readonly path: string } | { readonly missing: string };

/** A program in Go, built when it is first wanted. */
export class GoProgram {
  readonly #source: string;
  #built: Built | undefined;

  /** @param source a file or folder beside this one. */
  constructor(source: string) {
    this.#source = fileURLToPath(new URL(source, import.meta.url));
  }

  /** Why it can't be run; false: it can. */
  get missing(): string | false {
    const built = this.#build();
    return "missing" in built && built.missing;
  }

  get path(): string {
    const built = this.#build();
    if ("missing" in built) throw new Error(built.missing);
    return built.path;
  }

  #build(): Built {
    if (this.#built !== undefined) return this.#built;
    if (spawnSync("go", ["version"]).status !== 0) this.#built = { missing: "Go is not installed" };
    else {
      const dir = mkdtempSync(join(tmpdir(), "umay-go-"));
      process.once("exit", () => rmSync(dir, { recursive: true, force: true }));
      const path = join(dir, "program");
      const isFile = this.#source.endsWith(".go");
      const built = spawnSync("go", ["build", "-o", path, isFile ? this.#source : "."], {
        cwd: isFile ? dir : this.#source,
        timeout: 600_000,
      });
      const error = String(built.stderr).slice(0, 300);
      this.#built = built.status === 0 ? { path } : { missing: `Go can't build it: ${error}` };
    }
    return this.#built;
  }
}

export const goHttp2 = new GoProgram("go-http2/server.go");

/** A server of Go's that speaks HTTP/2 alone; see its source for what it answers. */
export class GoServer implements AsyncDisposable {
  readonly address: string;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess, lines: AsyncIterator<string>, port: string) {
    this.#child = child;
    this.#lines = lines;
    this.address = `127.0.0.1:${port}`;
  }

  /** @param tls without it, clients have to know that it speaks HTTP/2. */
  static async start(tls?: CertificatePair): Promise<GoServer> {
    const args = tls === undefined ? [] : [tls.cert, tls.key];
    const child = endWithTest(spawn(goHttp2.path, args, { stdio: ["pipe", "pipe", "inherit"] }));
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    const { value } = await soon(lines.next(), "the port of a server of Go");
    return new GoServer(child, lines, String(value));
  }

  /** Has another server take its place, and waits until it has ended what it had begun. */
  async again(): Promise<void> {
    this.#child.stdin!.write("again\n");
    await soon(this.#lines.next(), "the end of a server of Go", 30_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}
