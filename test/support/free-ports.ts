import { once } from "node:events";
import { createServer } from "node:net";

/** Below those that Linux gives to connections and to port 0: a test in another process could be given one of these. */
const lowest = 20_000;
const highest = 32_767;
const given = new Set<number>();

/** Ports of 127.0.0.1 that nobody has at the moment, for what has to be told its port before it starts. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest));
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    ports.push(port);
  }
  return ports;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port);
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}
