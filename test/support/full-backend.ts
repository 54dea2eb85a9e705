import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Child } from "./child.ts";
import { patient } from "./patience.ts";

/** A backend that answers no SYN: it is stopped, and its backlog is full. Connecting to it takes for ever. */
export interface FullBackend extends AsyncDisposable {
  readonly address: string;
}

export async function startFullBackend(): Promise<FullBackend> {
  const child = new Child("deaf-backend-child.ts", [1]);
  const port = Number(await child.line());
  child.process.kill("SIGSTOP");
  const fillers: Socket[] = [];
  // Sockets in the backlog are connected; the first that does not get in shows that it is full.
  for (;;) {
    const filler = connect(port, "127.0.0.1").on("error", () => {});
    fillers.push(filler);
    const signal = AbortSignal.timeout(patient(200));
    if (
      !(await once(filler, "connect", { signal }).then(
        () => true,
        () => false,
      ))
    )
      break;
  }
  return {
    address: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      for (const filler of fillers) filler.destroy();
      await child[Symbol.asyncDispose]();
    },
  };
}
