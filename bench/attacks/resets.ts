import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { stop } from "../process.ts";
import { launch, type Scene, type Target } from "./targets.ts";

const clients = 100;

export interface ResetsResult {
  /** Backend connections of clients that reset theirs, and how many of them ended by a reset. */
  readonly connected: number;
  readonly reset: number;
  /** Those that got bytes and a clean end behind them. */
  readonly clean: number;
  /** Those that are still open two seconds later. */
  readonly open: number;
}

/** Clients that finish their handshake, send something and reset at once; their backend says nothing. */
export async function resets(target: Target, scene: Scene): Promise<ResetsResult> {
  const ends = { connected: 0, reset: 0, clean: 0 };
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    ends.connected++;
    open.add(socket);
    socket.on("error", ({ code }: NodeJS.ErrnoException) => {
      if (code === "ECONNRESET") ends.reset++;
    });
    socket.on("end", () => {
      if (socket.bytesRead > 0) ends.clean++;
      socket.end();
    });
    socket.on("close", () => open.delete(socket));
    socket.resume();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { running, ports } = await launch(target, scene, { backend: (server.address() as AddressInfo).port });
  try {
    // Of the start and of its check that something listens.
    await sleep(500);
    Object.assign(ends, { connected: 0, reset: 0, clean: 0 });
    for (let number = 0; number < clients; number++) {
      const raw = connect(ports.tls, "127.0.0.1");
      const tls = connectTls({ socket: raw, rejectUnauthorized: false, minVersion: "TLSv1.3" });
      tls.on("error", () => {});
      await once(tls, "secureConnect");
      tls.write("hello");
      // At once, and when the proxy is about to connect its backend: 0 to 9 ms.
      if (number % 10 > 0) await sleep(number % 10);
      raw.resetAndDestroy();
    }
    await sleep(2_000);
    return { ...ends, open: open.size };
  } finally {
    for (const socket of open) socket.destroy();
    server.close();
    await stop(running);
  }
}
