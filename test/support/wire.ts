import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";

/**
 * A client's TLS whose records pass through the test's hands: what comes is handed to TLS only while `raw` is not
 * paused, and what TLS sends goes to `send`.
 */
export function tlsOver(
  raw: Socket,
  options: ConnectionOptions = {},
  send: (records: Buffer, done: () => void) => void = (records, done) => raw.write(records, () => done()),
): TLSSocket {
  const wire = new Duplex({
    read() {},
    write: (records: Buffer, _encoding, done) => send(records, done),
    final: (done) => {
      raw.end();
      done();
    },
    destroy: (error, done) => {
      raw.destroy();
      done(error);
    },
  });
  raw.on("data", (chunk) => wire.push(chunk));
  raw.on("end", () => wire.push(null));
  raw.on("error", (error) => wire.destroy(error));
  return connect({ rejectUnauthorized: false, ...options, socket: wire });
}
