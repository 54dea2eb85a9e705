import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEchoBackend } from "./backend.ts";
import { testCertificates } from "./certificates.ts";
import { poolToml } from "./client.ts";
import { freePorts } from "./free-ports.ts";
import { startHttpBackend } from "./http.ts";

/** Listeners for {@link BusyClients}, backends for them, and the configuration that umays of the same address share. */
export class BusyScene implements AsyncDisposable {
  /** Of the configuration, and of whatever else a test wants to have there. */
  readonly folder: string;
  readonly file: string;
  /** Starts a umay with the configuration. */
  readonly args: readonly string[];
  readonly #toml: string;
  readonly #resources: AsyncDisposableStack;

  /** @param answer of the backend that speaks HTTP. */
  static async start(
    answer: Parameters<typeof startHttpBackend>[0] = (_, response) => response.end("ok"),
  ): Promise<BusyScene> {
    await using stack = new AsyncDisposableStack();
    const echo = stack.use(await startEchoBackend());
    const app = stack.use(await startHttpBackend(answer));
    const folder = stack.use(mkdtempDisposableSync(join(tmpdir(), "umay-"))).path;
    const [admin] = await freePorts(1);
    const { cert, key } = (await testCertificates()).ecdsa;
    const certificates = `tls.certificates = [{ cert = "${cert}", key = "${key}" }]`;
    const toml = `
      admin.bind = "127.0.0.1:${admin}"
      listeners.plain = { bind = "127.0.0.1:0", pool = "echo" }
      listeners.secure = { bind = "127.0.0.1:0", pool = "echo", ${certificates} }
      listeners.web = { bind = "127.0.0.1:0", mode = "http", pool = "app" }
      listeners.web2 = { bind = "127.0.0.1:0", mode = "http", pool = "app", ${certificates} }
      ${poolToml("echo", [echo.address])}
      ${poolToml("app", [app.address])}`;
    return new BusyScene(folder, toml, stack.move());
  }

  private constructor(folder: string, toml: string, resources: AsyncDisposableStack) {
    this.folder = folder;
    this.file = join(folder, "umay.toml");
    this.args = ["run", "--config", this.file];
    this.#toml = toml;
    this.#resources = resources;
  }

  /** Writes the configuration. @param more keys of it. */
  write(more: string): void {
    writeFileSync(this.file, `${more}\n${this.#toml}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}
