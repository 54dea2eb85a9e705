import type { Logger } from "pino";
import type { Listener } from "../model/listener.ts";

/** Has the keys of session tickets replaced, each listener's in its own time; not those that come from a file. */
export class TicketRotation {
  readonly #timers: readonly NodeJS.Timeout[];

  constructor(listeners: readonly Listener[], rotate: (listener: string) => void, logger: Logger) {
    this.#timers = listeners.flatMap(({ name, tls }) => {
      const tickets = tls?.sessionTickets;
      if (tickets === undefined || tickets.keysFile !== undefined) return [];
      const timer = setInterval(() => {
        rotate(name);
        logger.debug({ listener: name }, "the key of session tickets was replaced");
      }, tickets.rotate);
      return [timer.unref()];
    });
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }
}
