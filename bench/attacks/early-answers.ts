import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { stop } from "../process.ts";
import { launch, type Scene, type Target } from "./targets.ts";

const clients = 20;
const answer = Buffer.alloc(200, "a");
const upload = Buffer.alloc(300_000);

export interface EarlyAnswersResult {
  /** Of 20 clients, how many got the whole answer: without TLS, and with it. */
  readonly plain: number;
  readonly tls: number;
}

/** A backend that answers after the first bytes of an upload, and closes with the rest unread. */
export async function earlyAnswers(target: Target, scene: Scene): Promise<EarlyAnswersResult> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      socket.pause();
      socket.write(answer, () => socket.destroy());
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { running, ports } = await launch(target, scene, { backend: (server.address() as AddressInfo).port });
  try {
    const whole = { plain: 0, tls: 0 };
    for (let number = 0; number < clients; number++) {
      if (await isAnswered(connect(ports.plain, "127.0.0.1"))) whole.plain++;
      const port = ports.tls;
      if (await isAnswered(connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false }))) whole.tls++;
    }
    return whole;
  } finally {
    server.close();
    await stop(running);
  }
}

async function isAnswered(client: Socket): Promise<boolean> {
  let received = 0;
  const over = Promise.withResolvers<void>();
  client.on("data", (chunk) => (received += chunk.length));
  client.on("error", () => {}).on("close", over.resolve);
  client.setTimeout(5_000, () => client.destroy());
  client.write(upload);
  await over.promise;
  return received === answer.length;
}
