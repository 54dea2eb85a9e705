import { Duplex } from "node:stream";
import { type ConnectionOptions, connect } from "node:tls";
import { connectSocket } from "./client.ts";
import { soon } from "./peer.ts";

/**
 * A TLS client that goes on sending behind one of its flights, and only then reads what the server has said to that.
 * @param flights after how many of its own it does so. @returns the code of the error that ends its handshake.
 */
export async function sendBeforeReading(
  port: number,
  flights: number,
  options: ConnectionOptions,
): Promise<string> {
  const raw = await connectSocket(port);
  const send = (bytes: Buffer): Promise<void> =>
    new Promise((resolve, reject) => raw.write(bytes, (error) => (error ? reject(error) : resolve())));
  let sent = 0;
  const wire = new Duplex({
    read() {},
    write(flight: Buffer, _encoding, done) {
      sent++;
      if (sent === flights) raw.pause();
      const rest = sent === flights ? 20 : 0;
      const all = async (): Promise<void> => {
        await send(flight);
        for (let piece = 0; piece < rest; piece++) await send(Buffer.alloc(1_000));
        raw.resume();
      };
      all().then(() => done(), done);
    },
  });
  raw.on("data", (chunk) => wire.push(chunk)).on("end", () => wire.push(null));
  const client = connect({ rejectUnauthorized: false, ...options, socket: wire });
  try {
    const { promise, resolve } = Promise.withResolvers<string>();
    client.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    client.on("close", () => resolve("closed"));
    return await soon(promise, "the end of a handshake");
  } finally {
    client.destroy();
    raw.destroy();
  }
}
