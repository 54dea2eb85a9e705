import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { stop } from "../process.ts";
import { launch, type Scene, type Target } from "./targets.ts";

const head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";
const lasts = 3_000;

/** The answers of a health endpoint, a good one first. */
const answers: Readonly<Record<string, (socket: Socket) => void>> = {
  "a good answer": (socket) => socket.end(`${head}Content-Length: 2\r\n\r\nok`),
  "a field of 16,200 spaces and a control character": (socket) =>
    socket.end(`${head}X: ${" ".repeat(16_200)}\x01\r\n\r\n`),
  "a body in chunks of one byte": (socket) =>
    socket.end(`${head}Transfer-Encoding: chunked\r\n\r\n${"1\r\no\r\n".repeat(200_000)}0\r\n\r\n`),
  "interim answers without end": (socket) =>
    void goOn(socket, "HTTP/1.1 102 Processing\r\n\r\n".repeat(1_000)),
};

function goOn(socket: Socket, text: string): void {
  if (!socket.destroyed && socket.write(text)) setImmediate(goOn, socket, text);
  else socket.once("drain", () => goOn(socket, text));
}

export interface HealthResult {
  /** The longest that /livez took, in milliseconds, by what the health endpoint answered. */
  readonly longest: Readonly<Record<string, number>>;
}

/** A backend whose health endpoint answers as it likes; another part of the proxy is asked meanwhile. */
export async function health(target: Target, scene: Scene, backend: number): Promise<HealthResult> {
  const longest: Record<string, number> = {};
  for (const [what, respond] of Object.entries(answers)) {
    const server = createServer((socket) => {
      socket.on("error", () => {}).once("data", () => respond(socket));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const checked = (server.address() as AddressInfo).port;
    const { running, ports } = await launch(target, scene, { backend, checked });
    try {
      await sleep(500);
      longest[what] = await longestAnswer(`http://127.0.0.1:${ports.livez}/livez`);
    } finally {
      server.close();
      server.unref();
      await stop(running);
    }
  }
  return { longest };
}

async function longestAnswer(url: string): Promise<number> {
  let longest = 0;
  for (const end = performance.now() + lasts; performance.now() < end; await sleep(20)) {
    const began = performance.now();
    await (await fetch(url)).text();
    longest = Math.max(longest, performance.now() - began);
  }
  return longest;
}
