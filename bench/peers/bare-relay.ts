/**
 * node bare-relay.ts PORT BACKEND_PORT CERT KEY: terminates TLS and relays, and nothing else. No timeouts, no
 * counters, no log, no limits; one process, one thread.
 */
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { createServer, type TLSSocket } from "node:tls";

const [port, backendPort, cert = "", key = ""] = process.argv.slice(2);
/** Every backend socket of this process reads into it. */
const shared = Buffer.allocUnsafeSlow(64 * 1024);
const backendOf = new WeakMap<TLSSocket, Socket>();

const server = createServer(
  {
    cert: readFileSync(cert),
    key: readFileSync(key),
    minVersion: "TLSv1.3",
    allowHalfOpen: true,
    noDelay: true,
  },
  relay,
);
server.on("tlsClientError", () => {});
server.listen({ port: Number(port), host: "127.0.0.1", backlog: 4096 });
process.once("SIGTERM", () => process.exit(0));

function relay(client: TLSSocket): void {
  const backend = connect({
    port: Number(backendPort),
    host: "127.0.0.1",
    autoSelectFamily: false,
    allowHalfOpen: true,
    noDelay: true,
    onread: { buffer: shared, callback: (length, buffer) => toClient(client, buffer as Buffer, length) },
  });
  backendOf.set(client, backend);
  client.on("data", (chunk) => {
    if (!backend.write(chunk)) client.pause();
  });
  backend.on("drain", () => client.resume());
  client.on("drain", () => backend.resume());
  client.on("end", () => backend.end());
  backend.on("end", () => client.end());
  client.on("error", () => backend.destroy());
  backend.on("error", () => client.destroy());
  client.on("close", () => backend.destroy());
  backend.on("close", () => client.destroySoon());
}

/** TLS encrypts at once when nothing is queued; otherwise the bytes must outlive the shared buffer's next read. */
function toClient(client: TLSSocket, buffer: Buffer, length: number): boolean {
  const slice = buffer.subarray(0, length);
  return client.write(client.writableLength === 0 ? slice : Buffer.from(slice));
}
