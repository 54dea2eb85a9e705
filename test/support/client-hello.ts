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

/** Where the length of a hello's extensions stands. The hello is one record. */
function extensionsAt(hello: Buffer): number {
  const sessionId = 5 + 4 + 2 + 32;
  const ciphers = sessionId + 1 + hello[sessionId]!;
  const compressions = ciphers + 2 + hello.readUInt16BE(ciphers);
  return compressions + 1 + hello[compressions]!;
}

/** The hello with some bytes more at the end of its extensions. */
export function withExtension(hello: Buffer, extension: Buffer): Buffer {
  const changed = Buffer.concat([hello, extension]);
  const at = extensionsAt(hello);
  changed.writeUInt16BE(hello.readUInt16BE(at) + extension.length, at);
  changed.writeUInt16BE(hello.readUInt16BE(3) + extension.length, 3);
  changed.writeUIntBE(hello.readUIntBE(6, 3) + extension.length, 6, 3);
  return changed;
}

/** The hello with its first extension once more at the end. */
export function withExtensionTwice(hello: Buffer): Buffer {
  const first = extensionsAt(hello) + 2;
  return withExtension(hello, hello.subarray(first, first + 4 + hello.readUInt16BE(first + 2)));
}
