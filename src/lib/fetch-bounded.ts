import { http, https } from "./node-modules.ts";

/** The bounds of {@link fetchBounded}. */
export interface FetchBounds {
  /** From the first look-up to the last byte, in milliseconds. */
  readonly timeout: number;
  /** Of the body, in bytes. */
  readonly most: number;
}

/**
 * The body of a GET, which has to be answered with 200. Redirects are not followed.
 * @param url of http or https.
 * @throws Error that says why there is none, as the end of a sentence that begins with the URL.
 */
export function fetchBounded(url: string, { timeout, most }: FetchBounds): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const signal = AbortSignal.timeout(timeout);
  const { request } = url.startsWith("https:") ? https() : http();
  const refuse = (error: Error): void =>
    reject(signal.aborted ? new Error(`did not answer within ${timeout} ms`, { cause: error }) : error);
  // Without an agent: a connection that is kept would be idle nearly always.
  const asked = request(
    url,
    { signal, agent: false, headers: { accept: "application/json" } },
    (response) => {
      const parts: Buffer[] = [];
      let length = 0;
      const stop = (message: string): void => {
        reject(new Error(message));
        asked.destroy();
      };
      response.on("error", refuse);
      if (response.statusCode !== 200) {
        stop(`answers with status ${response.statusCode}`);
        return;
      }
      response.on("data", (part: Buffer) => {
        length += part.length;
        if (length > most) stop(`answers with more than ${most} bytes`);
        else parts.push(part);
      });
      response.on("end", () => resolve(Buffer.concat(parts)));
    },
  );
  asked.on("error", refuse);
  asked.end();
  return promise;
}
