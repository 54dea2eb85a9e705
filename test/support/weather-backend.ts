import type { CertificatePair } from "./certificates.ts";
import { Child } from "./child.ts";

/** A backend that is a process of its own, so that it can be killed and stopped. */
export class WeatherBackend implements AsyncDisposable {
  readonly name: string;
  readonly address: string;
  readonly #tls: CertificatePair | undefined;
  #child: Child;

  private constructor(name: string, address: string, tls: CertificatePair | undefined, child: Child) {
    this.name = name;
    this.address = address;
    this.#tls = tls;
    this.#child = child;
  }

  static async start(name: string, tls?: CertificatePair, backlog = 511): Promise<WeatherBackend> {
    const child = spawn(name, 0, tls, backlog);
    return new WeatherBackend(name, `${host}:${await child.line()}`, tls, child);
  }

  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#child.process.kill(signal);
  }

  /** With SIGKILL. */
  async kill(): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
  }

  async startAgain(): Promise<void> {
    this.#child = spawn(this.name, Number(this.address.split(":")[1]), this.#tls, 511);
    await this.#child.line();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/** Not 127.0.0.1, where the port of one that is away may be given to a connection. */
const host = "127.0.0.2";

function spawn(name: string, port: number, tls: CertificatePair | undefined, backlog: number): Child {
  const files = tls === undefined ? [] : [tls.cert, tls.key];
  return new Child("weather-backend-child.ts", [name, host, port, backlog, ...files]);
}
