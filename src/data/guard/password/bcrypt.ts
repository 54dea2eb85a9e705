import type { Worker } from "node:worker_threads";
import type { BcryptAnswer, BcryptQuestion } from "../../../lib/bcrypt-thread.ts";
import { startThread } from "../../../lib/own-modules.ts";

/** Told whether a password fits; undefined: it could not be found out. Called once, in another turn. */
export type Compared = (fits: boolean | undefined) => void;

/** Compares passwords with bcrypt hashes in a thread of its own, which begins with the first one. */
export class BcryptThread {
  readonly #asked = new Map<number, Compared>();
  #thread: Worker | undefined = undefined;
  #last = 0;

  compare(password: string, hash: string, compared: Compared): void {
    const id = ++this.#last;
    this.#thread ??= this.#start();
    this.#asked.set(id, compared);
    const question: BcryptQuestion = { id, password, hash };
    this.#thread.postMessage(question);
  }

  #start(): Worker {
    const thread = startThread("lib/bcrypt-thread", { name: "bcrypt" });
    thread.on("message", ({ id, fits }: BcryptAnswer) => this.#settle(id, fits));
    // Its exit follows.
    thread.on("error", () => {});
    thread.once("exit", () => {
      if (this.#thread === thread) this.#thread = undefined;
      for (const id of [...this.#asked.keys()]) this.#settle(id, undefined);
    });
    thread.unref();
    return thread;
  }

  #settle(id: number, fits: boolean | undefined): void {
    const compared = this.#asked.get(id);
    this.#asked.delete(id);
    compared?.(fits);
  }
}
