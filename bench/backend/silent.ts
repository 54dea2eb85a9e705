import { fileURLToPath } from "node:url";
import { freePort } from "../machine.ts";
import { accepting, start } from "../process.ts";
import type { Backend } from "./nginx.ts";

const program = fileURLToPath(new URL("./silent-server.ts", import.meta.url));

/** Starts an HTTP/1.1 server that answers `/small` and says nothing to anything else. */
export async function startSilent(cpus: string): Promise<Omit<Backend, "http2Port">> {
  const port = await freePort();
  const running = start({ file: process.execPath, args: [program, String(port)] }, cpus);
  await accepting(running, port);
  return { port, running };
}
