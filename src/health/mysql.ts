import type { MysqlCheckSpec } from "../model/health.ts";
import { exchange, type HealthCheck, type Outcome, type Talk } from "./check.ts";
import type { Connection } from "./connection.ts";
import { createDial } from "./dial.ts";
import { quoted, Reply } from "./reply.ts";

const mostBytes = 4096;
const header = 4;
const protocol10 = 10;
const ok = 0;
const authSwitch = 0xfe;
const error = 0xff;
/** ER_ACCESS_DENIED_ERROR, ER_ACCESS_DENIED_NO_PASSWORD_ERROR, ER_HOST_NOT_PRIVILEGED's kin: the server works. */
const accessDenied = new Set([1045, 1698, 1044, 1251]);
/** Protocol41, SecureConnection, PluginAuth. */
const capabilities = 0x0008_8200;
const utf8 = 33;
const quit = packet(0, Buffer.from([1]));

/**
 * Reads the greeting, logs in as a user without a password, and takes leave. A server counts a connection that ends before
 * its login, and blocks hosts with too many of them (`max_connect_errors`); it does not count a login that it refuses.
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html
 */
export function createMysqlCheck(spec: MysqlCheckSpec): HealthCheck {
  const dial = createDial(spec);
  return { check: (target, done) => exchange(dial, target, done, (outcome) => talk(outcome, spec.user)) };
}

function talk(outcome: Outcome, user: string): Talk {
  const reply = new Reply(mostBytes);
  let greeted = false;
  return {
    ready() {},
    receive(chunk, connection) {
      let bytes = reply.add(chunk);
      for (let length = lengthOf(bytes); length !== undefined; length = lengthOf(bytes)) {
        const body = bytes.subarray(header, length);
        const sequence = bytes[3]! + 1;
        if (body[0] === error) judge(body, greeted);
        if (greeted) answer(body[0]!, sequence, outcome, connection);
        else if (body[0] === protocol10) connection.write(packet(sequence, loginOf(user)));
        else throw new Error(`${quoted(body)}, expected the greeting of MySQL`);
        greeted = true;
        reply.drop(length);
        bytes = reply.bytes;
      }
    },
  };
}

/** @throws where an error says that the server can't serve. */
function judge(body: Buffer, greeted: boolean): void {
  const code = body.length < 3 ? 0 : body.readUInt16LE(1);
  if (!greeted || !accessDenied.has(code)) throw new Error(`error ${code}: ${quoted(body.subarray(3))}`);
}

function answer(kind: number, sequence: number, { pass }: Outcome, connection: Connection): void {
  if (kind === authSwitch) {
    // Whatever the method is, this says that there is no password.
    connection.write(packet(sequence, Buffer.alloc(0)));
    return;
  }
  if (kind === ok) connection.write(quit);
  pass();
}

/** HandshakeResponse41. */
function loginOf(user: string): Buffer {
  const head = Buffer.alloc(32);
  head.writeUInt32LE(capabilities, 0);
  head.writeUInt32LE(0x00ff_ffff, 4);
  head[8] = utf8;
  return Buffer.concat([head, Buffer.from(`${user}\0\0mysql_native_password\0`)]);
}

function packet(sequence: number, body: Buffer): Buffer {
  const head = Buffer.alloc(header);
  head.writeUIntLE(body.length, 0, 3);
  head[3] = sequence & 0xff;
  return Buffer.concat([head, body]);
}

/** Of the first packet, its header included; undefined: it is not all there. @throws where it is too long. */
function lengthOf(bytes: Buffer): number | undefined {
  if (bytes.length < header) return undefined;
  const length = header + bytes.readUIntLE(0, 3);
  if (length === header || length > mostBytes)
    throw new Error(`${quoted(bytes)}, expected the greeting of MySQL`);
  return bytes.length < length ? undefined : length;
}
