/** Changes within this time are one, in milliseconds. */
const together = 50;

/** Tells somebody that something else is to be served: a burst of changes once, and once what came before anybody listened. */
export class News {
  #listener: (() => void) | undefined;
  /** Something else is to be served, and nobody was told. */
  #isMissed = false;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  /** Something else is to be served. */
  tell(): void {
    if (this.#stopped) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (this.#listener === undefined) this.#isMissed = true;
      else this.#listener();
    }, together);
  }

  /** @param listener is called from now on: at once where something is to be told already. */
  listen(listener: () => void): void {
    this.#listener = listener;
    if (this.#isMissed) listener();
    this.#isMissed = false;
  }

  /** All that came until now is no news. */
  forget(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isMissed = false;
  }

  stop(): void {
    this.#stopped = true;
    this.forget();
  }
}
