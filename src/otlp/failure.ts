/** A request to a collector that came to nothing. */
export class SendFailure extends Error {
  /** Undefined: the same is not to be sent again. Otherwise it may be, after so many milliseconds at the earliest. */
  readonly again: number | undefined;

  constructor(message: string, again: number | undefined, cause?: unknown) {
    super(message, { cause });
    this.name = "SendFailure";
    this.again = again;
  }
}

/** No answer came: whoever made the connection fail, the same may be sent again (OTLP 1.5, "All Other Responses"). */
export const unanswered = (error: Error, signal: AbortSignal): SendFailure =>
  error instanceof SendFailure
    ? error
    : new SendFailure(signal.aborted ? "it does not answer in time" : error.message, 0, error);

/** Statuses of HTTP behind which the same may be sent again (OTLP 1.5, "Retryable Response Codes"). */
const passing: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** @param after the answer's `Retry-After`. @param word that the collector adds. */
export function failureOfStatus(status: number, after: string | undefined, word = ""): SendFailure {
  const message = `the collector answered with status ${status}${word === "" ? "" : `: ${word.slice(0, 1_000)}`}`;
  return new SendFailure(message, passing.has(status) ? readRetryAfter(after) : undefined);
}

/** `Retry-After`: seconds, or a date (RFC 9110 section 10.2.3); in milliseconds, 0 for anything else. */
function readRetryAfter(text = ""): number {
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  return Math.max(0, Date.parse(text) - Date.now()) || 0;
}
