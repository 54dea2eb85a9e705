import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { createCheck } from "../../src/health/registry.ts";
import type { CheckSpec } from "../../src/model/health.ts";
import { errorResponse } from "../../src/tls/postgres.ts";
import { patient } from "../support/patience.ts";
import { timing } from "./timing.ts";

type Said = string | Buffer;

const latin = (said: Said): Buffer => (typeof said === "string" ? Buffer.from(said, "latin1") : said);

/**
 * Checks a backend that follows a script: what it says by itself, then after each thing that the check says.
 * @param piece how many bytes it sends at a time. @param ends after the first thing. @returns how the check ended, and all that it said.
 */
async function checked(
  spec: CheckSpec,
  script: readonly (Said | undefined)[],
  piece = 10_000,
  ends = false,
): Promise<{ outcome: string; heard: Buffer[] }> {
  const heard: Buffer[] = [];
  const say = (socket: Socket, said: Said | undefined): void => {
    if (said === undefined) socket.end();
    else for (let at = 0; at < said.length; at += piece) socket.write(latin(said).subarray(at, at + piece));
  };
  const server = createServer((socket) => {
    let step = 0;
    socket.setNoDelay().on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      heard.push(chunk);
      step++;
      if (step < script.length) say(socket, script[step]);
    });
    say(socket, script[0]);
    if (ends) socket.end();
    socket.once("close", () => server.close());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const closed = once(server, "close");
  const { port } = server.address() as AddressInfo;
  const target = { target: { kind: "tcp", host: "127.0.0.1", port } } as const;
  const outcome = await new Promise<string>((resolve) => {
    const timer = setTimeout(() => {
      cancel();
      resolve("no answer");
    }, patient(500));
    const cancel = createCheck(spec).check(target, (failure) => {
      clearTimeout(timer);
      resolve(failure?.message ?? "passed");
    });
  });
  await closed;
  return { outcome, heard };
}

/** A packet of MySQL. */
function packet(sequence: number, body: Said): Buffer {
  const bytes = latin(body);
  return Buffer.concat([Buffer.from([bytes.length, 0, 0, sequence]), bytes]);
}

const mysqlError = (sequence: number, code: number, text: string): Buffer =>
  packet(sequence, `\xff${String.fromCharCode(code & 0xff, code >> 8)}${text}`);
const greeting = packet(0, "\n5.5.5-10.11.6-MariaDB\0rest");
const message = (type: string, body: Said): Buffer => {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeUInt32BE(4 + body.length, 1);
  return Buffer.concat([head, latin(body)]);
};

const mysql: CheckSpec = { ...timing, type: "mysql", user: "umay" };
const postgres: CheckSpec = { ...timing, type: "postgres", user: "umay", tls: undefined };
const redis: CheckSpec = { ...timing, type: "redis", tls: undefined };
const smtp: CheckSpec = { ...timing, type: "smtp", tls: undefined };

for (const [what, spec, script, expected] of [
  ["an expected greeting", { ...timing, type: "tcp", expect: "SSH-2.0" }, ["SSH-2.0-x\r\n"], "passed"],
  [
    "an expected answer",
    { ...timing, type: "tcp", send: "PING\r\n", expect: "PONG" },
    ["", "+PONG\r\n"],
    "passed",
  ],
  [
    "another greeting",
    { ...timing, type: "tcp", expect: "SSH-2.0" },
    ["x".repeat(5000)],
    'the answer does not contain "SSH-2.0"',
  ],
  [
    "no greeting",
    { ...timing, type: "tcp", expect: "SSH" },
    [undefined],
    'the answer does not contain "SSH"',
  ],
  ["a PONG", redis, ["", "+PONG\r\n"], "passed"],
  ["a wish for a password", redis, ["", "-NOAUTH Authentication required.\r\n"], "passed"],
  ["a server that loads", redis, ["", "-LOADING Redis is\r\n"], '"-LOADING Redis is", expected +PONG'],
  ["a line without an end", redis, ["", "+".repeat(2000)], "the answer is longer than 1024 bytes"],
  ["a greeting and a farewell", smtp, ["220-mail\r\n220 hi\r\n", "221 bye\r\n"], "passed"],
  ["a greeting and an end", smtp, ["220 hi\r\n", undefined], "passed"],
  ["a server that is busy", smtp, ["421 later\r\n"], '"421 later", expected 220'],
  ["a login that is taken", mysql, [greeting, packet(2, "\0\0\0\x02\0\0\0")], "passed"],
  ["another method without a password", mysql, [greeting, packet(2, "\xfex\0"), packet(4, "\0\0")], "passed"],
  ["a login that is refused", mysql, [greeting, mysqlError(2, 1045, "#28000Access denied")], "passed"],
  ["a blocked host", mysql, [mysqlError(0, 1129, "Host is blocked")], 'error 1129: "Host is blocked"'],
  ["too many", mysql, [greeting, mysqlError(2, 1040, "#08004Too many")], 'error 1040: "#08004Too many"'],
  ["no MySQL", mysql, ["220 x\r\n"], /expected the greeting of MySQL$/],
  ["a wish for a password", postgres, ["", message("R", "\0\0\0\x0a")], "passed"],
  ["a user that is unknown", postgres, ["", errorResponse("28000", "no such role")], "passed"],
  ["a server that starts", postgres, ["", errorResponse("57P03", "it is starting up")], "it is starting up"],
  ["no PostgreSQL", postgres, ["", "HTTP/1.1 400"], '"HTTP/1.1 400", expected PostgreSQL'],
  ["a request for TLS that is refused", { ...postgres, user: undefined }, ["", "N"], "passed"],
  ["an answer to it that is none", { ...postgres, user: undefined }, ["", "E"], /expected S or N$/],
] as const satisfies readonly (readonly [
  string,
  CheckSpec,
  readonly (Said | undefined)[],
  string | RegExp,
])[])
  test(`${spec.type}: ${what}: ${expected}`, async () => {
    for (const piece of [10_000, 1]) {
      const { outcome } = await checked(spec, script, piece);
      if (typeof expected === "string") assert.equal(outcome, expected);
      else assert.match(outcome, expected);
    }
  });

test("mysql takes leave in order, so that the server does not count a connection that broke off", async () => {
  const { heard } = await checked(mysql, [greeting, packet(2, "\0\0\0\x02\0\0\0")]);
  const said = Buffer.concat(heard);
  const login = said.subarray(0, 4 + said.readUIntLE(0, 3));
  assert.equal(login[3], 1);
  assert.match(login.toString("latin1"), /umay\0\0mysql_native_password\0$/);
  assert.deepEqual([...said.subarray(login.length)], [1, 0, 0, 0, 1]);
});

test("no answer that a backend gives makes a check throw or pass by chance", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom<CheckSpec>(mysql, postgres, redis, smtp),
      fc.uint8Array({ minLength: 1, maxLength: 40 }).filter(([first]) => first !== 0x52 && first !== 0x45),
      async (spec, bytes) => {
        const { outcome } = await checked(spec, [Buffer.from(bytes)], 10_000, true);
        assert.notEqual(outcome, "passed");
      },
    ),
    { numRuns: 100 },
  );
});
