import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { test } from "node:test";
import { listen } from "../../src/lib/listen.ts";
import { errorResponse } from "../../src/tls/postgres.ts";
import { poolToml } from "../support/client.ts";
import { mariadbMissing, startMariadb } from "../support/mariadb-server.ts";
import { RedisServer, redisMissing } from "../support/redis.ts";
import { becomes } from "../support/settled.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

/** The words of a server: at first by itself, and then after each thing that the check says. */
type Script = readonly (Buffer | string)[];

/** A server in front of which a check stands: well, or with a fault of its protocol's own. */
interface Spoken {
  readonly health: string;
  readonly well: Script;
  /** All that a check of a server that is well says begins so; a dot stands for a byte that is no text. */
  readonly asks: RegExp;
  /** It ends so: it takes leave where the protocol has that. */
  readonly leaves?: RegExp;
  /** It ends behind its last words. */
  readonly ill: Script;
  readonly cause: RegExp;
}

const packet = (sequence: number, body: string): Buffer =>
  Buffer.concat([Buffer.from([body.length, 0, 0, sequence]), Buffer.from(body, "latin1")]);
const greeting = packet(0, "\n5.5.5-10.11.6-MariaDB\0rest");
const authentication = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0]);

const servers: Readonly<Record<string, Spoken>> = {
  mysql: {
    health: 'type = "mysql", user = "watch"',
    well: [greeting, packet(2, "\xff\x15\x04#28000Access denied for user 'watch'")],
    asks: /^.{36}watch\.\.mysql_native_password\.$/,
    ill: [packet(0, "\xff\x69\x04Host is blocked because of many connection errors")],
    cause: /^error 1129: "Host is blocked because of many connection errors"$/,
  },
  "mysql-in": {
    health: 'type = "mysql", user = "watch"',
    well: [greeting, packet(2, "\0\0\0\x02\0\0\0")],
    asks: /watch\.\./,
    leaves: /password\.{6}$/,
    ill: [greeting, packet(2, "\xff\x10\x04#08004Too many connections")],
    cause: /^error 1040: "#08004Too many connections"$/,
  },
  postgres: {
    health: 'type = "postgres", user = "watch"',
    well: ["", authentication],
    asks: /^\.{3}.\.{4}user\.watch\./,
    leaves: /X\.{4}$/,
    ill: ["", errorResponse("57P03", "the database system is starting up")],
    cause: /^the database system is starting up$/,
  },
  "postgres-tls": {
    health: 'type = "postgres"',
    well: ["", "S"],
    asks: /^\.{7}\/$/,
    ill: ["", "HTTP/1.1 400 Bad Request\r\n\r\n"],
    cause: /^"H.*" after an SSLRequest, expected S or N$/,
  },
  redis: {
    health: 'type = "redis"',
    well: ["", "-NOAUTH Authentication required.\r\n"],
    asks: /^PING\.\.$/,
    ill: ["", "-LOADING Redis is loading the dataset in memory\r\n"],
    cause: /^"-LOADING Redis is loading the dataset in memory", expected \+PONG$/,
  },
  smtp: {
    health: 'type = "smtp"',
    well: ["220-mail.test\r\n220 ready\r\n", "221 bye\r\n"],
    asks: /^QUIT\.\.$/,
    ill: ["421 too busy\r\n"],
    cause: /^"421 too busy", expected 220$/,
  },
  send: {
    health: 'type = "tcp", send = "STATUS\\r\\n", expect = "running"',
    well: ["", "agent 1\r\nrunning\r\n"],
    asks: /^STATUS\.\.$/,
    ill: ["", "agent 1\r\nstopped\r\n"],
    cause: /^the answer does not contain "running"$/,
  },
  expect: {
    health: 'type = "tcp", expect = "SSH-2.0-"',
    well: ["SSH-2.0-OpenSSH_9.2\r\n"],
    asks: /^$/,
    ill: ["Exceeded MaxStartups\r\n"],
    cause: /^the answer does not contain "SSH-2.0-"$/,
  },
};

/** Speaks its script, a byte at a time. */
class Speaker implements AsyncDisposable {
  address = "";
  isWell = true;
  /** All that was said on each connection that has ended, by servers that were well. */
  readonly heard: string[] = [];
  readonly #spoken: Spoken;
  readonly #server = createServer((socket) => this.#accept(socket));
  readonly #sockets = new Set<Socket>();

  constructor(spoken: Spoken) {
    this.#spoken = spoken;
  }

  async start(): Promise<void> {
    const address = await listen(this.#server, { kind: "tcp", host: "127.0.0.1", port: 0 });
    if (address.kind === "tcp") this.address = `127.0.0.1:${address.port}`;
  }

  #accept(socket: Socket): void {
    const { isWell } = this;
    const script = isWell ? this.#spoken.well : this.#spoken.ill;
    let step = 0;
    let heard = "";
    const say = (): void => {
      const said = script[step++];
      for (const byte of Buffer.from(said ?? "")) socket.write(Buffer.of(byte));
      if (step >= script.length && !isWell) socket.end();
    };
    this.#sockets.add(socket);
    socket.setNoDelay().on("error", () => {});
    socket.on("data", (chunk) => {
      for (const byte of chunk) heard += byte < 0x20 || byte > 0x7e ? "." : String.fromCharCode(byte);
      say();
    });
    socket.once("close", () => {
      this.#sockets.delete(socket);
      if (isWell) this.heard.push(heard);
    });
    say();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const stateOf = async (umay: RunningUmay, pool: string): Promise<string> =>
  (await umay.status()).pools[pool]!.backends[0]!.state;

const becomesIn = (umay: RunningUmay, pool: string, state: string): Promise<string> =>
  becomes(
    () => stateOf(umay, pool),
    (is) => is === state,
    `the backend of ${pool}`,
  );

test("servers that speak first or count are asked in their own protocol, and believed when they say that they cannot serve", async () => {
  await using resources = new AsyncDisposableStack();
  const speakers = new Map<string, Speaker>();
  for (const [name, spoken] of Object.entries(servers)) {
    const speaker = resources.use(new Speaker(spoken));
    await speaker.start();
    speakers.set(name, speaker);
  }
  const pools = Object.entries(servers).map(([name, { health }]) =>
    poolToml(
      name,
      [speakers.get(name)!.address],
      `health = { ${health}, interval = "100ms", rise = 1, fall = 1 }`,
    ),
  );
  const umay = resources.use(
    await startUmay(`
      workers = 1
      admin.bind = "127.0.0.1:0"
      listeners.db = { bind = "127.0.0.1:0", pool = "mysql" }
      ${pools.join("\n")}`),
  );
  for (const [name, { asks, leaves = asks }] of Object.entries(servers)) {
    const { heard } = speakers.get(name)!;
    await becomes(
      () => heard.length,
      (checks) => checks >= 5,
      `checks of ${name}`,
    );
    await becomesIn(umay, name, "up");
    // A check that broke off without its words would be counted against umay's host.
    for (const words of heard) {
      assert.match(words, asks, name);
      assert.match(words, leaves, name);
    }
  }
  for (const speaker of speakers.values()) speaker.isWell = false;
  for (const [name, { cause }] of Object.entries(servers)) {
    const line = await umay.logged(({ msg, pool }) => msg === "backend is down" && pool === name);
    assert.match(String(line["cause"]), cause, name);
    await becomesIn(umay, name, "down");
  }
  for (const speaker of speakers.values()) speaker.isWell = true;
  for (const name of speakers.keys()) await becomesIn(umay, name, "up");
});

test("a real Redis with a password is up, down when it is gone, and up when it is back", {
  skip: redisMissing,
}, async () => {
  await using redis = await RedisServer.start(["--port", "{port}", "--requirepass", "secret"]);
  await using umay = await startUmay(`
    workers = 1
    admin.bind = "127.0.0.1:0"
    listeners.cache = { bind = "127.0.0.1:0", pool = "cache" }
    ${poolToml("cache", [`127.0.0.1:${redis.port}`], 'health = { type = "redis", interval = "100ms", rise = 1, fall = 1 }')}`);
  await becomesIn(umay, "cache", "up");
  await redis.kill();
  await becomesIn(umay, "cache", "down");
  await redis.begin();
  await becomesIn(umay, "cache", "up");
});

test("a real MariaDB is up for a check whose user it does not know and for one that it lets in, and down when it is gone", {
  skip: mariadbMissing,
}, async () => {
  const mariadb = await startMariadb();
  const check = (user: string): string =>
    `health = { type = "mysql", user = "${user}", interval = "100ms", rise = 1, fall = 1 }`;
  try {
    await using umay = await startUmay(`
      workers = 1
      admin.bind = "127.0.0.1:0"
      listeners.db = { bind = "127.0.0.1:0", pool = "unknown" }
      ${poolToml("unknown", [mariadb.address], check("nobody-knows"))}
      ${poolToml("known", [mariadb.address], check("root"))}`);
    for (const pool of ["unknown", "known"]) {
      await becomesIn(umay, pool, "up");
      assert.equal(await umay.metric("umay_backend_check_failures_total", { pool }), 0);
    }
    await mariadb[Symbol.asyncDispose]();
    for (const pool of ["unknown", "known"]) await becomesIn(umay, pool, "down");
  } finally {
    await mariadb[Symbol.asyncDispose]();
  }
});
