/**
 * The cost of HTTP/2 per request, in nanoseconds and in bytes of heap: a client and a server of the engine that talk to
 * each other in memory, ten requests at a time. `node bench/http2-streams.ts`; on a core of its own (`taskset -c 1`) it
 * is steadier.
 */
import { cpus } from "node:os";
import { Bench } from "tinybench";
import { ClientConnection } from "../src/http/http2/client-connection.ts";
import type { ResponseUser } from "../src/http/http2/client-stream.ts";
import type { Connection } from "../src/http/http2/connection.ts";
import { FieldList } from "../src/http/http2/field-list.ts";
import { fieldOf } from "../src/http/http2/hpack/field.ts";
import { backendSideLimits, clientSideLimits } from "../src/http/http2/limits.ts";
import { ServerConnection } from "../src/http/http2/server-connection.ts";
import type { RequestUser, ServerStream } from "../src/http/http2/server-stream.ts";
import type { RequestHead, ResponseHead } from "../src/http/message.ts";
import { bytesPerCall } from "../test/support/allocation.ts";

const atOnce = 10;
const list = (fields: Record<string, string>): FieldList =>
  new FieldList(Object.entries(fields).map(([name, value]) => fieldOf(name, value)));

const head: RequestHead = {
  method: "GET",
  scheme: "https",
  authority: "shop.example.com",
  host: "shop.example.com",
  path: "/assets/app/index-4f9c.js",
  query: "?v=12",
  secondPath: undefined,
  fields: list({
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0",
    accept: "*/*",
    "accept-encoding": "gzip, deflate, br, zstd",
    "accept-language": "en-US,en;q=0.9,de;q=0.8",
    referer: "https://shop.example.com/",
  }),
  length: 0,
  upgrade: "",
  expectsContinue: false,
  takesTrailers: false,
};

const spare: Buffer[] = [];
const owner = {
  borrow: () => spare.pop() ?? Buffer.allocUnsafeSlow(65_536),
  wantsFlush() {},
  failed(error: Error) {
    throw error;
  },
  finished() {},
};

class Client implements ResponseUser {
  answered = 0;
  interim(): void {}
  response(): void {}
  switched(): void {}
  ready(): void {}
  body = (_bytes: Buffer, _start: number, _end: number, last: boolean): boolean => {
    if (last) this.answered++;
    return true;
  };
  end(): void {
    this.answered++;
  }
  fail(): never {
    throw new Error("the request failed");
  }
}

/** @returns a function that makes ten requests, each answered with a body of this size, in bytes. */
function connect(size: number): () => void {
  const body = Buffer.alloc(size, 65);
  const fields = list({
    server: "nginx",
    date: "Sat, 28 Nov 2026 12:00:00 GMT",
    "content-type": "text/plain",
  });
  const answer: ResponseHead = { status: 200, phrase: "", fields, length: size };
  const request = (stream: ServerStream): RequestUser => ({
    request() {
      stream.response(answer, true);
      stream.body(body, 0, size, true);
    },
    body: () => true,
    end() {},
    fail() {},
    ready() {},
  });
  const terms = { scheme: "https", tunnels: false, target: 8192 } as const;
  const server = new ServerConnection(clientSideLimits, terms, { ...owner, request }, 0);
  const client = new ClientConnection(backendSideLimits, owner, 0);
  const user = new Client();
  const move = (from: Connection, to: Connection): void => {
    for (let bytes = from.take(); bytes !== undefined; bytes = from.take()) {
      to.receive(bytes, 0, bytes.length, performance.now());
      spare.push(Buffer.from(bytes.buffer));
    }
  };
  return () => {
    const awaited = user.answered + atOnce;
    for (let count = 0; count < atOnce; count++) client.request(head, true, user);
    while (user.answered < awaited) {
      move(client, server);
      move(server, client);
    }
  };
}

const rounds = 100;

/** @returns the time of a request in the fastest round, in nanoseconds: the time of other processes is no part of it. */
async function leastOf(run: () => void): Promise<number> {
  const bench = new Bench({ time: 1_000, warmupTime: 500, iterations: 5 });
  const [task] = await bench
    .add("run", () => {
      for (let count = 0; count < rounds; count++) run();
    })
    .run();
  if (task?.result.state !== "completed") throw new Error(`the benchmark ended as ${task?.result.state}`);
  return (task.result.latency.min * 1e6) / rounds / atOnce;
}

/** @returns the bytes of heap of a request. It takes too many for as many calls as are measured at a time. */
function bytesOf(run: () => void): number {
  const share = 1_000;
  const bytes = bytesPerCall((times) => {
    for (let count = 0; count < times; count += share) run();
  });
  return (share * bytes) / atOnce;
}

const rows: Record<string, string | number>[] = [];
for (const size of [12, 16_384]) {
  const run = connect(size);
  rows.push({ response: `${size} B`, ns: Math.round(await leastOf(run)), bytes: Math.round(bytesOf(run)) });
}
console.log(`Node ${process.versions.node}, ${cpus()[0]?.model}, ${new Date().toISOString().slice(0, 10)}`);
console.table(rows);
