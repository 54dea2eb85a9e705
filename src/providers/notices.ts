import type { ProviderLogger } from "./provider.ts";

/** Lines that are held until there is a log. */
const mostHeld = 100;

/** Messages that wait for the log to be there, and then go to it. */
export class Notices implements ProviderLogger {
  #logger: ProviderLogger | undefined;
  #held: (readonly ["info" | "warn", object, string])[] = [];

  logTo(logger: ProviderLogger): void {
    this.#logger = logger;
    for (const [level, fields, message] of this.#held) logger[level](fields, message);
    this.#held = [];
  }

  info(fields: object, message: string): void {
    this.#say("info", fields, message);
  }

  warn(fields: object, message: string): void {
    this.#say("warn", fields, message);
  }

  #say(level: "info" | "warn", fields: object, message: string): void {
    if (this.#logger !== undefined) this.#logger[level](fields, message);
    else if (this.#held.length < mostHeld) this.#held.push([level, fields, message]);
  }
}
