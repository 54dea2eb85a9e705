import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Server } from "node:net";
import { formatAddress, type SocketAddress } from "../../lib/address.ts";
import { ownCommand } from "../../lib/own-modules.ts";
import { isReplaceable } from "../../lib/socket-place.ts";
import type { Model } from "../../model/model.ts";
import type { Served } from "../workers/bind.ts";
import { type FromTaker, servedOf, type TakeOverOffer, type ToTaker } from "./take-over.ts";

/** How long the running umay may take for each step, in milliseconds. */
const patience = 30_000;

/** The channel to the other umay. */
type Helper = Pick<ChildProcess, "on" | "once" | "send" | "connected" | "disconnect">;

/** Takes over from a running umay: gets its listening sockets, and has it go. */
export class Taking {
  /** The addresses that the other one serves: its addresses can be had though they are in use. */
  readonly served: readonly Served[];
  readonly #helper: Helper;
  readonly #offer: TakeOverOffer;
  readonly #left = Promise.withResolvers<never>();
  #hear: (message: ToTaker, server: Server | undefined) => void = () => {};

  constructor(offer: TakeOverOffer, helper: Helper) {
    this.served = servedOf(offer);
    this.#offer = offer;
    this.#helper = helper;
    this.#left.promise.catch(() => {});
    helper.on("message", (message, server) => this.#hear(message as ToTaker, server as Server | undefined));
    helper.once("error", (error) => this.#left.reject(error));
    helper.once("disconnect", () => this.#left.reject(new Error("it broke the connection off")));
  }

  /** @throws where the running umay does not follow. */
  static async from(offer: TakeOverOffer): Promise<Taking> {
    servedOf(offer);
    const door = connect({ path: offer.door });
    await once(door, "connect");
    // It sends the end of the channel to the other side, which has a program of its own answer on it.
    const [program, ...args] = ownCommand(["pass-on", "send"]);
    const helper = spawn("env", ["NODE_CHANNEL_FD=3", program!, ...args], {
      stdio: ["ignore", "ignore", "inherit", door, "ipc"],
    });
    door.destroy();
    const taking = new Taking(offer, helper);
    await taking.#until("ready");
    return taking;
  }

  /** The configuration as far as it can be served beside the other one: some unix sockets can't be had until that has closed them. */
  besides(model: Model): Model {
    const waiting = new Set(
      this.served.map(({ bind }) => pathOf(bind)).filter((path) => !isReplaceable(path)),
    );
    const listeners = model.listeners.filter(({ bind }) => bind.kind !== "unix" || !waiting.has(bind.path));
    return listeners.length === model.listeners.length ? model : { ...model, listeners };
  }

  /** Whether this one's admin server can take the path of the other one's. */
  replacesAdmin(bind: SocketAddress): boolean {
    return bind.kind === "unix" && formatAddress(bind) === this.#offer.admin && isReplaceable(bind.path);
  }

  /** @param give gets each listening socket, and has to move it to another thread at once. */
  async sockets(give: (address: string, server: Server) => void): Promise<void> {
    const done = this.#until("all", (message, server) => {
      if (message.type !== "socket" || server === undefined) return;
      give(message.address, server);
      this.#say({ type: "got" });
    });
    this.#say({ type: "take" });
    await done;
  }

  /** This process serves. Resolves when the other one accepts nothing more, and has closed what both can't have. */
  async finish(): Promise<void> {
    const closed = this.#until("closed");
    this.#say({ type: "serving", pid: process.pid });
    try {
      await closed;
    } finally {
      this.abandon();
    }
  }

  /** Leaves the other one as it is. */
  abandon(): void {
    this.#left.promise.catch(() => {});
    if (this.#helper.connected) this.#helper.disconnect();
  }

  #say(message: FromTaker): void {
    this.#helper.send(message, () => {});
  }

  async #until(
    type: ToTaker["type"],
    hear: (message: ToTaker, server: Server | undefined) => void = () => {},
  ): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#hear = (message, server) => {
      hear(message, server);
      if (message.type === type) resolve();
    };
    const timer = setTimeout(
      () => this.#left.reject(new Error(`nothing came within ${patience / 1000} s`)),
      patience,
    );
    try {
      await Promise.race([promise, this.#left.promise]);
    } catch (error) {
      const { pid, version } = this.#offer;
      throw new Error(`cannot take over from umay ${version}, process ${pid}: ${(error as Error).message}`);
    } finally {
      clearTimeout(timer);
    }
  }
}

const pathOf = (bind: Served["bind"]): string => (bind.kind === "unix" ? bind.path : "");
