import { execFile, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { Agent, type IncomingMessage, type RequestOptions, request } from "node:http";
import { buffer } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gunzipSync } from "node:zlib";
import { endWithTest } from "./end-with-test.ts";
import { patient } from "./patience.ts";

/** A program that speaks HTTP, and makes the same requests as the others, most of them over one connection. */
export interface RealClient {
  readonly name: string;
  /** Why it cannot be run here; false: it can. */
  readonly missing: string | false;
  /** How many connections it opens. */
  readonly connections: number;
  /**
   * @param host name and port. @param file what is sent. @param ca the file with the authority that is trusted, over TLS and
   * HTTP/2; undefined: HTTP/1.1 without TLS.
   * @returns a line for each answer: the name of the request, the status, and what became of it.
   */
  run(host: string, file: string, ca?: string): Promise<string>;
}

const source = (name: string): string => fileURLToPath(new URL(`http-clients/${name}`, import.meta.url));
export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

const missing = (program: string, ...args: readonly string[]): string | false =>
  spawnSync(program, args).status !== 0 && `${program} is not installed`;

async function output(program: string, ...args: readonly string[]): Promise<Buffer> {
  const running = promisify(execFile)(program, args, {
    encoding: "buffer",
    maxBuffer: 1 << 26,
    timeout: patient(60_000),
  });
  endWithTest(running.child);
  return (await running).stdout;
}

const program = (
  name: string,
  reason: string | false,
  command: readonly [string, ...string[]],
): RealClient => ({
  name,
  missing: reason,
  connections: 1,
  async run(host, file, ca) {
    const [path, ...args] = command;
    return (await output(path, ...args, host, file, ...(ca === undefined ? [] : [ca]))).toString();
  },
});

export const python: RealClient = program("Python http.client", missing("python3", "--version"), [
  "python3",
  source("client.py"),
]);
export const go: RealClient = program("Go net/http", missing("go", "version"), [
  "go",
  "run",
  source("client.go"),
]);
export const java: RealClient = program("Java HttpClient", missing("java", "-version"), [
  "java",
  source("Client.java"),
]);

/** HTTP/2 alone. */
export const httpx: RealClient = program("Python httpx", missing("python3", "-c", "import h2, httpx"), [
  "python3",
  source("client-httpx.py"),
]);

/** Each of its runs has connections of its own. */
export const curl: RealClient = {
  name: "curl",
  missing: missing("curl", "--version"),
  connections: 8,
  async run(host, file, ca) {
    const base = `${ca === undefined ? "http" : "https"}://${host}`;
    const trust = ca === undefined ? [] : ["--http2", "--cacert", ca];
    const ask = (...args: readonly string[]): Promise<Buffer> =>
      output("curl", "-sS", "--fail", "--max-time", "60", ...trust, ...args);
    const small = ["--data-binary", readFileSync(file).toString("latin1", 0, 1_000)];
    const size = readFileSync(file).length;
    const head = (await ask("-I", `${base}/bytes/1000`)).toString();
    const twice = await ask(`${base}/bytes/1000`, `${base}/bytes/1000`);
    const lines = [
      `get 200 ${sha256(twice.subarray(1_000))}`,
      `head 200 ${/^content-length: (\d+)\r$/im.exec(head)?.[1]} 0`,
      `post 200 ${await ask(...small, `${base}/digest`)}`,
      `chunked 200 ${await ask(...(ca === undefined ? ["-H", "Transfer-Encoding: chunked"] : []), ...small, `${base}/digest`)}`,
      `up 200 ${await ask("-H", "Expect:", "--data-binary", `@${file}`, `${base}/digest`)}`,
      `down 200 ${sha256(await ask(`${base}/stream/${size}`))}`,
      `gzip 200 ${sha256(await ask("--compressed", `${base}/gzip`))}`,
      // Were there no answer of 100, it would wait for longer than it may take.
      `continue 200 ${await ask("--expect100-timeout", "60", "-H", "Expect: 100-continue", ...small, `${base}/digest`)}`,
    ];
    return `${lines.join("\n")}\n`;
  },
};

/** `node:http`, which can do all of it; fetch speaks for itself in the tests. */
export const nodeHttp: RealClient = {
  name: "node:http",
  missing: false,
  connections: 1,
  async run(host, file) {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const [hostname, port] = host.split(":");
    const content = readFileSync(file);
    const small = content.subarray(0, 1_000);
    const ask = async (
      name: string,
      options: RequestOptions,
      tell: (answer: IncomingMessage, body: Buffer) => string,
      body?: Uint8Array,
    ): Promise<string> => {
      const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
      const asking = request({ hostname, port, agent, ...options }, resolve).on("error", reject);
      const expects = options.headers !== undefined && "expect" in options.headers;
      if (expects) asking.flushHeaders();
      if (expects) asking.on("continue", () => asking.end(body));
      else asking.end(body);
      const answer = await promise;
      return `${name} ${answer.statusCode} ${tell(answer, await buffer(answer))}\n`;
    };
    const post = { method: "POST", path: "/digest" } as const;
    const length = { "content-length": 1_000 };
    const text = (_: IncomingMessage, body: Buffer): string => body.toString();
    const sum = (_: IncomingMessage, body: Buffer): string => sha256(body);
    const lines = [
      await ask("get", { path: "/bytes/1000" }, sum),
      await ask(
        "head",
        { method: "HEAD", path: "/bytes/1000" },
        (answer, body) => `${answer.headers["content-length"]} ${body.length}`,
      ),
      await ask("post", { ...post, headers: length }, text, small),
      await ask("chunked", { ...post, headers: { "transfer-encoding": "chunked" } }, text, small),
      await ask("up", { ...post, headers: { "content-length": content.length } }, text, content),
      await ask("down", { path: `/stream/${content.length}` }, sum),
      await ask("gzip", { path: "/gzip" }, (_, body) => sha256(gunzipSync(body))),
      await ask("continue", { ...post, headers: { ...length, expect: "100-continue" } }, text, small),
    ];
    agent.destroy();
    return lines.join("");
  },
};
