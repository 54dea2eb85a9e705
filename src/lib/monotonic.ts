/** From `performance.now()`, which begins with the thread, to the system's monotonic clock, which threads share; in milliseconds. */
export const sinceSystemStart: number = Number(process.hrtime.bigint()) / 1e6 - performance.now();
