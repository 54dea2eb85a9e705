import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { test } from "node:test";
import { listen } from "../../src/lib/listen.ts";
import { block, data, frame, headers, hex, ping, settings } from "../http/http2/wire.ts";
import { poolToml } from "../support/client.ts";
import { patient } from "../support/patience.ts";
import { soon } from "../support/peer.ts";
import { becomes } from "../support/settled.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

/** A health endpoint whose answer does not end by itself. */
interface Flood {
  /** Its words: these once, and then those without end. */
  readonly first: Buffer;
  readonly endless: Buffer;
  /** Lines of the pool's table. */
  readonly pool: string;
  /** Why the check fails. */
  readonly cause: RegExp;
}

const check = (more: string): string => `health = { ${more}, interval = "1s", timeout = "30s", fall = 1 }`;
const http1 = check('type = "http"');
const withBody = check('type = "http", expect_body = "fine"');
const http2 = `http.version = "2"\n${withBody}`;
const grpc = check('type = "grpc"');

const ok = "HTTP/1.1 200 OK\r\n";
const text = (words: string): Buffer => Buffer.from(words, "latin1");
const nothing = Buffer.alloc(0);
const http2Ok = Buffer.concat([settings(), headers(1, [[":status", "200"]], 4)]);

const floods: Readonly<Record<string, Flood>> = {
  spaces: {
    pool: http1,
    first: text(`${ok}X: ${" ".repeat(16_200)}\x01\r\n\r\n`),
    endless: nothing,
    cause: /^the answer has /,
  },
  head: { pool: http1, first: text(ok), endless: text("X: y\r\n".repeat(500)), cause: /head|fields/ },
  interim: {
    pool: http1,
    first: nothing,
    endless: text("HTTP/1.1 102 Processing\r\n\r\n".repeat(100)),
    cause: /too many interim responses/,
  },
  chunks: {
    pool: withBody,
    first: text(`${ok}Transfer-Encoding: chunked\r\n\r\n`),
    endless: text("1\r\no\r\n".repeat(500)),
    cause: /^the body does not contain "fine" in its first 64 Ki characters$/,
  },
  extensions: {
    pool: withBody,
    first: text(`${ok}Transfer-Encoding: chunked\r\n\r\n1;`),
    endless: text("x".repeat(3_000)),
    cause: /^the answer has /,
  },
  ping: { pool: http2, first: settings(), endless: ping(), cause: /too many PING/ },
  settings: { pool: http2, first: nothing, endless: settings(), cause: /too many SETTINGS/ },
  continuation: {
    pool: http2,
    first: Buffer.concat([settings(), frame(1, 0, 1, block([[":status", "200"]]))]),
    endless: frame(9, 0, 1, hex("00016100")),
    cause: /too many CONTINUATION/,
  },
  frames: {
    pool: http2,
    first: settings(),
    endless: frame(99, 0, 0, Buffer.alloc(100)),
    cause: /longer than 1048576 bytes/,
  },
  empty: { pool: http2, first: http2Ok, endless: data(1, "", 0), cause: /too many useless frames/ },
  grpc: { pool: grpc, first: settings(), endless: settings(), cause: /too many SETTINGS/ },
};

/** More than umay reads, and all that the system keeps on the way. */
const mostBytes = 64 * 2 ** 20;
/** Checks of each backend. */
const rounds = 3;

/** A backend that says without end what it has to say. */
class Endless implements AsyncDisposable {
  address = "";
  /** Bytes that were handed to the system for each connection that has ended. */
  readonly sent: number[] = [];
  readonly #flood: Flood;
  readonly #server = createServer((socket) => this.#accept(socket));
  readonly #sockets = new Set<Socket>();

  constructor(flood: Flood) {
    this.#flood = flood;
  }

  async start(): Promise<void> {
    const address = await listen(this.#server, { kind: "tcp", host: "127.0.0.1", port: 0 });
    if (address.kind === "tcp") this.address = `127.0.0.1:${address.port}`;
  }

  #accept(socket: Socket): void {
    const { first, endless } = this.#flood;
    const many = Buffer.concat(
      Array.from({ length: Math.ceil(3_000 / (endless.length || 1)) }, () => endless),
    );
    this.#sockets.add(socket);
    const goOn = (): void => {
      while (many.length > 0 && !socket.destroyed && socket.bytesWritten < mostBytes)
        if (!socket.write(many)) return;
    };
    socket.on("error", () => {}).on("drain", () => setImmediate(goOn));
    socket.once("close", () => {
      this.#sockets.delete(socket);
      this.sent.push(socket.bytesWritten);
    });
    socket.once("data", () => {
      socket.write(first);
      goOn();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** CPU time of the main thread, in milliseconds (proc(5): utime and stime in hundredths of a second). */
function mainThreadTime({ pid }: RunningUmay): number {
  const fields = readFileSync(`/proc/${pid}/task/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

test("health endpoints whose answers have no end fail by their limits, and the main thread answers probes meanwhile", async () => {
  await using resources = new AsyncDisposableStack();
  const endpoints = new Map<string, Endless>();
  for (const [name, flood] of Object.entries(floods)) {
    const endpoint = resources.use(new Endless(flood));
    await endpoint.start();
    endpoints.set(name, endpoint);
  }
  const pools = Object.entries(floods).map(([name, { pool }]) =>
    poolToml(name, [endpoints.get(name)!.address], pool),
  );
  const umay = resources.use(
    await startUmay(`
      workers = 1
      admin.bind = "127.0.0.1:0"
      listeners.web = { bind = "127.0.0.1:0", pool = "spaces" }
      ${pools.join("\n")}`),
  );
  const before = mainThreadTime(umay);
  const checksBefore = checksOf(endpoints);

  await becomes(
    async () => {
      const probe = fetch(`${umay.admin}/livez`, { headers: { connection: "close" } });
      assert.equal((await soon(probe, "/livez", 3_000)).status, 200);
      return [...endpoints.values()].map(({ sent }) => sent.length);
    },
    (ended) => ended.every((checks) => checks >= rounds),
    "checks that have ended",
    60_000,
  );
  for (const [name, { cause }] of Object.entries(floods)) {
    const line = await umay.logged(({ msg, pool }) => msg === "backend is down" && pool === name);
    assert.match(String(line["cause"]), cause, name);
  }
  for (const [name, { sent }] of endpoints)
    for (const bytes of sent) assert.ok(bytes < mostBytes, `${name}: ${bytes} bytes were taken`);
  // Their kind took seconds each.
  const each = (mainThreadTime(umay) - before) / (checksOf(endpoints) - checksBefore);
  assert.ok(each < patient(300), `${each} ms of the main thread for a check`);
});

const checksOf = (endpoints: ReadonlyMap<string, Endless>): number =>
  [...endpoints.values()].reduce((sum, { sent }) => sum + sent.length, 0);
