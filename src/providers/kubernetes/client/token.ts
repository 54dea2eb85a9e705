import { describeReadError, readWhole } from "../../../lib/read-file.ts";

/** The text by which an API server knows who asks. */
export interface Token {
  /** The present one. @throws where it can't be read. */
  value(): Promise<string>;
  /** The server refused it: it is read again before the next request. */
  refused(): void;
}

/** How long a token is used before its file is read again, in milliseconds: the kubelet rotates it in place. */
const reread = 60_000;
/** In bytes. */
const mostOfToken = 64 * 1024;

/** A token that never changes. */
export class FixedToken implements Token {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  async value(): Promise<string> {
    return this.#text;
  }

  refused(): void {}
}

/** A token in a file. One that can't be read any more is used until the server refuses it. */
export class TokenFile implements Token {
  readonly #file: string;
  readonly #now: () => number;
  #text: string | undefined;
  #readAt = Number.NEGATIVE_INFINITY;

  /** @param now in milliseconds; only differences count. */
  constructor(file: string, now: () => number = () => performance.now()) {
    this.#file = file;
    this.#now = now;
  }

  async value(): Promise<string> {
    const now = this.#now();
    if (this.#text !== undefined && now - this.#readAt < reread) return this.#text;
    try {
      this.#text = (await readWhole(this.#file, mostOfToken)).toString("utf8").trim();
    } catch (error) {
      if (this.#text === undefined)
        throw new Error(`kubernetes: ${this.#file} ${describeReadError(error)}`, { cause: error });
    }
    this.#readAt = now;
    return this.#text;
  }

  refused(): void {
    this.#readAt = Number.NEGATIVE_INFINITY;
  }
}
