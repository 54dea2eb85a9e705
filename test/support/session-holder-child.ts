import { once } from "node:events";
import { createInterface } from "node:readline";
import { type ConnectionOptions, connect, createSecureContext, type TLSSocket } from "node:tls";

/*
 * Holds TLS sessions, as a process of its own because each takes a file: `session-holder-child.ts PORT COUNT`. Prints
 * `held N` when N sessions have had an echo each; for each line `echo` it gets one more from all of them and prints
 * `echoed N`; for `end` it ends them all and prints `ended N`, those that ended in order.
 */
const [port = 0, count = 0] = process.argv.slice(2).map(Number);
const handshakesAtOnce = 32;
/** The classical group alone, one context for all, and the first session's ticket: a session costs the same with any. */
const options: ConnectionOptions = {
  port,
  host: "127.0.0.1",
  rejectUnauthorized: false,
  secureContext: createSecureContext({ ecdhCurve: "X25519" }),
};
const sessions: TLSSocket[] = [];

async function echo(session: TLSSocket, index: number): Promise<void> {
  const said = `session ${index}`;
  session.write(said);
  let heard = "";
  while (heard.length < said.length) heard += String((await once(session, "data"))[0]);
  if (heard !== said) throw new Error(`heard ${heard} instead of ${said}`);
}

async function end(session: TLSSocket): Promise<void> {
  const ended = once(session, "end");
  session.resume().end();
  await ended;
}

async function open(): Promise<void> {
  while (sessions.length < count) {
    const session = connect(options);
    session.once("session", (ticket) => {
      options.session ??= ticket;
    });
    const index = sessions.push(session) - 1;
    await once(session, "secureConnect");
    await echo(session, index);
  }
}

/** How many succeed. */
async function countOf(each: Promise<void>[]): Promise<number> {
  const results = await Promise.allSettled(each);
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) console.error(failed.reason);
  return results.filter(({ status }) => status === "fulfilled").length;
}

await Promise.all(Array.from({ length: handshakesAtOnce }, open));
console.log(`held ${sessions.length}`);
for await (const line of createInterface({ input: process.stdin }))
  if (line === "echo") console.log(`echoed ${await countOf(sessions.map(echo))}`);
  else console.log(`ended ${await countOf(sessions.map(end))}`);
