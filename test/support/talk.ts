import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { connectSocket } from "./client.ts";
import type { Ending, Peer } from "./peer.ts";

/** Has an echo backend answer. */
export async function echoed(client: Peer, text = "x"): Promise<void> {
  await client.write(text);
  assert.equal((await client.read(text.length)).toString(), text);
}

/** Ends a client's side with these words and waits for an echo backend to end the other. */
export async function farewell(client: Peer, text = "bye"): Promise<void> {
  client.end(text);
  assert.equal((await client.readToEnd()).toString(), text);
}

/** How a connection ends that umay cuts at once: the reset may come before the client sees that it is connected. */
export async function endingOf(connecting: Promise<Peer>): Promise<Ending | undefined> {
  try {
    return await (await connecting).ending();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

/** Connects until that is refused. @returns how many connections got through; umay may not have accepted the last ones. */
export async function untilRefused(port: number): Promise<number> {
  for (let through = 0; ; through++)
    try {
      (await connectSocket(port)).destroy();
      await sleep(10);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ECONNREFUSED") return through;
      // The listening socket was closed while the connection waited there.
      assert.equal(code, "ECONNRESET");
    }
}
