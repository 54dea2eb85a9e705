import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Outcome } from "../../admin/actions.ts";
import { ownCommand } from "../../lib/own-modules.ts";
import { version } from "../../lib/version.ts";
import type { Logger } from "../../observe/logger.ts";
import type { ControlPlane } from "../control-plane.ts";
import { offered, type TakeOverOffer, takeOverProtocol } from "./take-over.ts";

/** How long it waits for whoever asked to connect, and then to serve, in milliseconds. */
const doorPatience = 30_000;
const takerPatience = 120_000;

/** Lets another umay take over: shares its listening sockets, and goes when the other one serves. */
export class Yielding {
  readonly #plane: Pick<ControlPlane, "state" | "store" | "supervisor">;
  readonly #logger: Logger;
  readonly #go: () => void;
  #isAsked = false;
  #helper: ChildProcess | undefined;

  /** @param go has the process drain. */
  constructor(plane: Pick<ControlPlane, "state" | "store" | "supervisor">, logger: Logger, go: () => void) {
    this.#plane = plane;
    this.#logger = logger;
    this.#go = go;
  }

  /** Another umay serves in place of this one, which is to go without a delay. */
  isReplaced = false;

  readonly #replaced = Promise.withResolvers<number>();

  /** Resolves with the process that serves in place of this one. */
  get replaced(): Promise<number> {
    return this.#replaced.promise;
  }

  /** The reason why nobody can take over now; undefined: somebody can. */
  get obstacle(): string | undefined {
    const { state, store } = this.#plane;
    if (state !== "ready") return `umay is ${state}; nothing can be taken over now`;
    if (this.#isAsked) return "another umay is taking over";
    const inherited = store.snapshot.listeners.find(({ accept }) => accept === "handed-over");
    return (
      inherited &&
      `listener ${inherited.name} has a socket that is not umay's own, systemd's say; restart the service instead`
    );
  }

  /** Opens a door for one that wants to take over. @param admin the address of this one's admin server. */
  async offer(admin: string): Promise<Outcome> {
    const { obstacle } = this;
    if (obstacle !== undefined) return refusal(obstacle);
    const { listeners } = this.#plane.store.snapshot;
    this.#isAsked = true;
    const door = await this.#open().catch((error: unknown) => {
      this.#isAsked = false;
      throw error;
    });
    const body: TakeOverOffer = {
      protocol: takeOverProtocol,
      pid: process.pid,
      version,
      door,
      admin,
      listeners: listeners.map(offered),
    };
    return { status: 200, body };
  }

  /** @returns the path of a door that one may come in by, for a while. */
  async #open(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), "umay-take-over-"));
    const path = join(folder, "door.sock");
    const door = createServer({ pauseOnConnect: true });
    const close = (): void => {
      door.close();
      // All that is left, at worst, is an empty folder.
      rm(folder, { recursive: true, force: true }).catch(() => {});
    };
    await listening(door, path).catch((error: unknown) => {
      close();
      throw error;
    });
    const timer = setTimeout(() => {
      close();
      this.#isAsked = false;
    }, doorPatience);
    door.once("connection", (socket) => {
      clearTimeout(timer);
      close();
      this.#share(socket).catch((error: unknown) => {
        socket.destroy();
        this.#failed(error);
      });
    });
    return path;
  }

  /** A program of this process' own passes the sockets on: it has them and the connection as its files. */
  async #share(taker: Socket): Promise<void> {
    const sockets = await this.#plane.supervisor.inquiries.sockets();
    const words = sockets.map(({ address }) => address);
    const [program, ...args] = ownCommand(["pass-on", "receive", ...words]);
    const helper = spawn(program!, args, {
      stdio: ["pipe", "pipe", "inherit", taker, ...sockets.map(({ descriptor }) => descriptor)],
      env: { ...process.env, NODE_CHANNEL_FD: "3" },
      timeout: takerPatience,
      killSignal: "SIGKILL",
    });
    this.#helper = helper;
    taker.destroy();
    helper.stdin!.on("error", () => {});
    helper.once("error", (error) => this.#failed(error));
    createInterface(helper.stdout!).on("line", (line) => {
      if (!line.startsWith("serving ")) return;
      const by = Number(line.slice("serving ".length));
      this.#logger.info({ by }, "another umay has taken over");
      this.isReplaced = true;
      this.#replaced.resolve(by);
      this.#go();
    });
    helper.once("close", (code) => {
      if (!this.isReplaced) this.#failed(new Error(`it left before it served (${code})`));
    });
  }

  /** Nothing is accepted any more, and the admin server is closed: the other one may have those addresses. */
  closed(): void {
    this.#helper?.stdin?.end("closed\n");
  }

  #failed(error: unknown): void {
    if (!this.#isAsked) return;
    this.#isAsked = false;
    this.#logger.warn({ err: error }, "another umay wanted to take over and did not; this one goes on");
  }
}

const refusal = (error: string): Outcome => ({ status: 409, body: { error } });

/** Only this user can open a folder that was made for it, and connect to what is in it. */
async function listening(door: Server, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  door.once("error", reject).listen(path, resolve);
  await promise;
}
