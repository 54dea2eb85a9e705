import { argon2, timingSafeEqual } from "node:crypto";
import { type Argon2id, parseArgon2id } from "../../../lib/argon2.ts";
import type { PasswordHash } from "../../../model/http/users.ts";
import { BcryptThread, type Compared } from "./bcrypt.ts";

/** How many passwords a worker compares at a time; each has a processor of its own meanwhile, and up to 128 MiB. */
const mostAtATime = 2;

/** How many wait for that, at most: more than could have an answer in time. */
const mostWaiting = 200;

interface Job {
  readonly password: string;
  readonly hash: PasswordHash;
  readonly compared: Compared;
}

/** Compares passwords with their hashes off the event loop, a few at a time. One for each worker. */
export class PasswordComparer {
  readonly #bcrypt = new BcryptThread();
  readonly #waiting: Job[] = [];
  #underWay = 0;

  /** @returns false where too many wait already: it is not compared. */
  compare(password: string, hash: PasswordHash, compared: Compared): boolean {
    if (this.#waiting.length >= mostWaiting) return false;
    this.#waiting.push({ password, hash, compared });
    this.#next();
    return true;
  }

  #next(): void {
    if (this.#underWay >= mostAtATime) return;
    const job = this.#waiting.shift();
    if (job === undefined) return;
    this.#underWay++;
    const { password, hash } = job;
    const done: Compared = (fits) => {
      this.#underWay--;
      job.compared(fits);
      this.#next();
    };
    if (hash.kind === "bcrypt") this.#bcrypt.compare(password, hash.text, done);
    else compareArgon2id(password, parseArgon2id(hash.text), done);
  }
}

function compareArgon2id(password: string, parsed: Argon2id | string, done: Compared): void {
  if (typeof parsed === "string") throw new Error(`a hash that was taken is ${parsed}`);
  const { salt, hash, ...cost } = parsed;
  argon2("argon2id", { ...cost, message: password, nonce: salt, tagLength: hash.length }, (error, key) =>
    done(error === null ? timingSafeEqual(key, hash) : undefined),
  );
}
