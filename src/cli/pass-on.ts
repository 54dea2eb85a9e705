import { spawn } from "node:child_process";
import { createServer, Socket } from "node:net";
import { createInterface } from "node:readline";
import type { FromTaker, ToTaker } from "../control/process/take-over.ts";
import { ownCommand } from "../lib/own-modules.ts";
import { exitCode } from "./exit.ts";

/*
 * The programs between two processes of umay, one of which takes over from the other. Node passes sockets on between a
 * process and its children alone, over a channel that a child finds by NODE_CHANNEL_FD. So the new process makes a child,
 * `send`, whose channel is the connection to the old one, and which sends its own end of the channel to its parent over
 * it. A child of the old process, `receive`, gets that end and makes a child, `hold`, whose channel it is: `hold` has the
 * old one's listening sockets as its files, and is connected to the new one as a child of it would be.
 */

/** The files of such a program: the channel, and behind it what is to be passed on. */
const channel = 3;
const first = 4;

/** @param role which one of them it is. @param addresses of the sockets, as text. */
export async function passOn(role: string, addresses: readonly string[]): Promise<number> {
  if (process.channel === undefined || process.channel === null) return exitCode.usage;
  const { promise, resolve } = Promise.withResolvers<number>();
  if (role === "send") send(resolve);
  else if (role === "receive") receive(addresses, resolve);
  else hold(addresses, resolve);
  // The channel would keep the process alive.
  process.exit(await promise);
}

type Done = (code: number) => void;

function send(done: Done): void {
  const end = new Socket({ fd: first, readable: false, writable: false });
  process.send!("channel", end, {}, (error) => done(error === null ? exitCode.good : exitCode.failed));
}

function receive(addresses: readonly string[], done: Done): void {
  const alone = (): void => done(exitCode.failed);
  process.once("disconnect", alone);
  process.once("message", (_, end) => {
    process.removeListener("disconnect", alone);
    const [program, ...args] = ownCommand(["pass-on", "hold", ...addresses]);
    const sockets = addresses.map((_address, index) => first + index);
    const holder = spawn(program!, args, {
      stdio: ["inherit", "inherit", "inherit", end as Socket, ...sockets],
      env: { ...process.env, NODE_CHANNEL_FD: String(channel) },
    });
    (end as Socket).destroy();
    holder.once("error", alone).once("exit", (code) => done(code ?? exitCode.failed));
  });
}

function hold(addresses: readonly string[], done: Done): void {
  let next = 0;
  const say = (message: ToTaker): void => void process.send!(message);
  /** One at a time: a second one would wait, and be closed by then. */
  const shareNext = (): void => {
    if (next === addresses.length) {
      say({ type: "all" });
      return;
    }
    const server = createServer().listen({ fd: first + next });
    process.send!({ type: "socket", address: addresses[next]! } satisfies ToTaker, server);
    // Before anything is accepted here: that is for the two others alone.
    server.close();
    next++;
  };
  process.once("disconnect", () => done(exitCode.failed));
  process.on("message", (message: FromTaker) => {
    if (message.type === "serving") process.stdout.write(`serving ${message.pid}\n`);
    else shareNext();
  });
  createInterface(process.stdin).once("line", () =>
    process.send!({ type: "closed" } satisfies ToTaker, undefined, {}, () => done(exitCode.good)),
  );
  say({ type: "ready" });
}
