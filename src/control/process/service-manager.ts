import { execFile } from "node:child_process";
import type { Logger } from "../../observe/logger.ts";

/** Sends one message to the service manager. @throws when it can't be sent. */
export type Notify = (variables: readonly string[]) => Promise<void>;

/** How long a message may take, in milliseconds. */
const patience = 10_000;

/**
 * Tells systemd how the service is, as sd_notify(3) has it; without NOTIFY_SOCKET it tells nobody. Node has no unix
 * datagrams, so each message is a `systemd-notify` of its own: at the start, at reloads, at the end, and twice in the
 * time that the watchdog waits.
 */
export class ServiceManager {
  readonly #notify: Notify;
  readonly #logger: Logger;
  readonly #watchdog: number | undefined;
  #present: boolean;
  #waiting = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(env: NodeJS.ProcessEnv, logger: Logger, notify: Notify = systemdNotify) {
    this.#notify = notify;
    this.#logger = logger;
    this.#present = Boolean(env["NOTIFY_SOCKET"]);
    this.#watchdog = watchdogInterval(env);
  }

  /** The service serves. From now on the watchdog hears of the main thread for as long as its loop turns. */
  started(status: string): void {
    this.ready(status);
    if (!this.#present || this.#watchdog === undefined) return;
    setInterval(() => {
      if (this.#waiting === 0) this.#send("WATCHDOG=1");
    }, this.#watchdog).unref();
  }

  /** @param status one line for `systemctl status`. */
  ready(status: string): void {
    this.#send("READY=1", `STATUS=${status}`);
  }

  /** {@link ready} ends it. */
  reloading(): void {
    // CLOCK_MONOTONIC, as systemd compares it with its own.
    this.#send("RELOADING=1", `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
  }

  /** The service drains, and then ends. */
  stopping(status: string): void {
    this.#send("STOPPING=1", `STATUS=${status}`);
  }

  /**
   * Has systemd watch this process in place of the one that it takes over from: with that one the service would end.
   * @throws when systemd can't be told.
   */
  async succeed(): Promise<void> {
    if (this.#present) await this.#notify([`MAINPID=${process.pid}`]);
  }

  /** Another process has succeeded this one, and tells how the service is. */
  leave(): void {
    this.#present = false;
  }

  /** One after the other: a message that overtook another would leave systemd with the wrong state. */
  #send(...variables: readonly string[]): void {
    if (!this.#present) return;
    this.#waiting++;
    this.#last = this.#last
      .then(() => (this.#present ? this.#notify(variables) : undefined))
      .catch((error: unknown) => {
        this.#present = false;
        this.#logger.warn(
          { err: error },
          "systemd can't be told how the service is, and is not told any more",
        );
      })
      .finally(() => {
        this.#waiting--;
      });
  }
}

/** Half of what systemd waits for, in milliseconds; undefined where it expects nothing of this process. */
function watchdogInterval(env: NodeJS.ProcessEnv): number | undefined {
  const { WATCHDOG_USEC: limit, WATCHDOG_PID: pid } = env;
  const half = Number(limit) / 2000;
  return half >= 1 && (pid === undefined || pid === String(process.pid)) ? half : undefined;
}

/** Finds the socket in the environment. The service needs NotifyAccess=all, because the message comes from a child. */
function systemdNotify(variables: readonly string[]): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  execFile("systemd-notify", variables, { timeout: patience }, (error) =>
    error === null ? resolve() : reject(error),
  );
  return promise;
}
