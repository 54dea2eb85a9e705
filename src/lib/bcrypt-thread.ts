import { parentPort } from "node:worker_threads";
import { compareSync } from "bcryptjs";

/*
 * A thread that compares passwords with bcrypt hashes, one after the other: each takes tens of milliseconds or more, in
 * which nobody waits for this thread but who asks.
 */

export interface BcryptQuestion {
  readonly id: number;
  readonly password: string;
  readonly hash: string;
}

export interface BcryptAnswer {
  readonly id: number;
  readonly fits: boolean;
}

parentPort!.on("message", ({ id, password, hash }: BcryptQuestion) => {
  const answer: BcryptAnswer = { id, fits: compareSync(password, hash) };
  parentPort!.postMessage(answer);
});
