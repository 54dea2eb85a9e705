import { Duplex } from "node:stream";
import { type ConnectionOptions, connect } from "node:tls";

/** The bytes that a client begins with. */
export function clientHello(options: ConnectionOptions = {}): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const wire = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        resolve(chunk);
        done();
        setImmediate(() => tls.destroy());
      },
    });
    const tls = connect({ ...options, socket: wire }).on("error", reject);
  });
}
