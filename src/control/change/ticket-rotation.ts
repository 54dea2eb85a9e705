import type { Logger } from "pino";
import type { Listener } from "../../model/listener.ts";

/** Has the keys of session tickets replaced, each listener's in its own time; not those that come from a file. */
export class TicketRotation {
  readonly #rotate: (listener: string) => void;
  readonly #logger: Logger;
  /** By listener. */
  readonly #timers = new Map<string, { readonly every: number; readonly timer: NodeJS.Timeout }>();

  constructor(rotate: (listener: string) => void, logger: Logger) {
    this.#rotate = rotate;
    this.#logger = logger;
  }

  /** These are the listeners from now on. One whose time did not change goes on in it. */
  follow(listeners: readonly Pick<Listener, "name" | "tls">[]): void {
    const wanted = new Map<string, number>();
    for (const { name, tls } of listeners) {
      const rotates = tls.flatMap(({ sessionTickets }) =>
        sessionTickets === undefined || sessionTickets.keys !== undefined ? [] : sessionTickets.rotate,
      );
      if (rotates.length > 0) wanted.set(name, Math.min(...rotates));
    }
    for (const [name, { every, timer }] of this.#timers) {
      if (wanted.get(name) === every) continue;
      clearInterval(timer);
      this.#timers.delete(name);
    }
    for (const [name, every] of wanted) {
      if (this.#timers.has(name)) continue;
      const timer = setInterval(() => {
        this.#rotate(name);
        this.#logger.debug({ listener: name }, "the key of session tickets was replaced");
      }, every);
      this.#timers.set(name, { every, timer: timer.unref() });
    }
  }
}
