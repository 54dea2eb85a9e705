import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { promisify } from "node:util";
import { testCertificates } from "../support/certificates.ts";
import { poolToml } from "../support/client.ts";
import { endWithTest } from "../support/end-with-test.ts";
import { GoProgram } from "../support/go-server.ts";
import { GrpcBackend } from "../support/grpc-service.ts";
import { soon } from "../support/peer.ts";
import { settled } from "../support/settled.ts";
import { startUmay } from "../support/umay.ts";

const program = new GoProgram("go-grpc");

/** A server of grpc-go. */
class GoGrpcServer implements AsyncDisposable {
  readonly said: string[] = [];
  readonly #child = endWithTest(spawn(program.path, { stdio: ["ignore", "pipe", "inherit"] }));
  #news = Promise.withResolvers<void>();

  private constructor() {
    createInterface({ input: this.#child.stdout! }).on("line", (line) => {
      this.said.push(line);
      this.#news.resolve();
      this.#news = Promise.withResolvers();
    });
  }

  static async start(): Promise<GoGrpcServer> {
    const server = new GoGrpcServer();
    await server.says(/^\d+$/);
    return server;
  }

  get address(): string {
    return `127.0.0.1:${this.said[0]}`;
  }

  async says(words: RegExp, times = 1): Promise<readonly string[]> {
    for (;;) {
      const found = this.said.filter((line) => words.test(line));
      if (found.length >= times) return found;
      await soon(this.#news.promise, `the server's word, ${words}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}

const expected = [
  "unary OK 200",
  "large OK true [told] [0 1 255]",
  "server OK 500 EOF",
  "client OK 2000000",
  "bidi OK 50 EOF",
  "fails FailedPrecondition nicht möglich: ☃",
  "deadline DeadlineExceeded",
  "cancel Canceled",
];

for (const server of ["grpc-go", "grpc-js"] as const)
  for (const transport of ["plain", "secure"] as const)
    test(`a client of grpc-go makes calls of every kind to a server of ${server} (${transport})`, {
      skip: program.missing,
    }, async () => {
      const { ecdsa, ca } = await testCertificates();
      await using resources = new AsyncDisposableStack();
      const go = server === "grpc-go" ? resources.use(await GoGrpcServer.start()) : undefined;
      const backend = go ?? resources.use(await GrpcBackend.start());
      await using umay = await startUmay(`
        workers = 2
        admin = { bind = "127.0.0.1:0" }
        [listeners.plain]
        bind = "127.0.0.1:0"
        mode = "http"
        pool = "app"
        http.versions = ["2"]
        [listeners.secure]
        bind = "127.0.0.1:0"
        mode = "http"
        pool = "app"
        tls.certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }]
        ${poolToml("app", [backend.address], 'http.version = "2"')}`);
      const args = [`127.0.0.1:${umay.port(transport)}`, ...(transport === "secure" ? [ca] : [])];
      const running = promisify(execFile)(program.path, args);
      endWithTest(running.child);
      assert.deepEqual((await running).stdout.trimEnd().split("\n"), expected);
      if (go !== undefined) {
        // It was told of the deadline, and of the end of both calls.
        const [deadline] = await go.says(/^never /);
        assert.ok(Number(deadline!.split(" ")[1]) <= 300, deadline);
        assert.equal((await go.says(/^ended /, 2)).length, 2);
      }
      await settled(umay);
    });
