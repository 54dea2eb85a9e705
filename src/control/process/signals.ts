import type { Logger } from "../../observe/logger.ts";

/** The ways to end a running process, and how fast each is. */
export interface StopRequest {
  /** Resolves with the exit code that the process shall end with once it has drained. */
  readonly stop: Promise<number>;
  /** Asks for that otherwise than with a signal; again, it changes nothing. @param by who asks, for the log. */
  request(by: string): void;
  /** Aborts when the drain shall wait no longer. */
  readonly hurry: AbortSignal;
  /** Has SIGHUP do something; one that came before is made up for. Without it, SIGHUP does nothing. */
  onHangup(handle: () => void): void;
  /** Has SIGUSR2 do something. Without it, it does nothing. */
  onReopen(handle: () => void): void;
}

/** It would open Node's debugger, if nobody listened. */
const signalsWithoutMeaning = ["SIGUSR1"] as const;

/**
 * SIGTERM and SIGINT ask to drain, a second one to stop at once; SIGHUP asks for a reload. An error that nobody caught is a defect: the state is
 * unknown, so the process drains and ends with 1, and whoever supervises it starts it anew.
 */
export function watchStopRequests(logger: Logger): StopRequest {
  const stop = Promise.withResolvers<number>();
  const hurry = new AbortController();
  let stopping = false;
  let requested = false;
  const onSignal = (signal: string): void => {
    if (stopping) hurry.abort();
    logger.info({ signal }, stopping ? "second signal: stopping at once" : "draining");
    stopping = true;
    stop.resolve(0);
  };
  const request = (by: string): void => {
    if (!stopping && !requested) logger.info({ by }, "draining");
    // Not `stopping`: whoever asks here, a hook say, often sends SIGTERM next.
    requested = true;
    stop.resolve(0);
  };
  const onDefect = (error: unknown): void => {
    logger.fatal({ err: error }, "a defect of umay: draining, then ending with exit code 1");
    stopping = true;
    stop.resolve(1);
  };
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, onSignal);
  for (const signal of signalsWithoutMeaning)
    process.on(signal, () => logger.warn({ signal }, "this signal has no meaning to umay"));
  // Without a listener, a terminal that closes would end the process.
  let hungUp = false;
  let handleHangup = (): void => {
    hungUp = true;
  };
  process.on("SIGHUP", () => handleHangup());
  const onHangup = (handle: () => void): void => {
    handleHangup = handle;
    if (hungUp) handle();
  };
  // Without a listener, it would end the process.
  let reopen = (): void => {};
  process.on("SIGUSR2", () => reopen());
  const onReopen = (handle: () => void): void => {
    reopen = handle;
  };
  process.on("uncaughtException", onDefect);
  process.on("unhandledRejection", onDefect);
  return { stop: stop.promise, request, hurry: hurry.signal, onHangup, onReopen };
}
