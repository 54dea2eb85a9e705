import type * as Https from "node:https";
import { AcmeError } from "./problem.ts";

/** An authority's answer. */
export interface Reply {
  readonly status: number;
  /** The first of each name, which is in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Sends a request to an authority. @throws AcmeError where no whole answer comes. */
export type Send = (
  method: "GET" | "HEAD" | "POST",
  url: string,
  body: string | undefined,
  signal: AbortSignal,
) => Promise<Reply>;

/** An answer must be whole within this time, in milliseconds. */
const patience = 30_000;
/** The largest answer that is read, in bytes: a chain has some thousands. */
const mostBytes = 1024 * 1024;

/**
 * Speaks HTTPS, as RFC 8555 section 6.1 demands.
 * @param ca that the authority's own certificate is to be of, PEM; undefined: one that Node knows.
 */
export function secureTransport(ca: string | undefined, userAgent: string): Send {
  // Not by an import, which loads undici: see lib/node-modules.ts.
  const https: typeof Https = process.getBuiltinModule("node:https");
  return (method, url, body, signal) => {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    const late = AbortSignal.timeout(patience);
    const fail = (error: Error): void =>
      reject(
        new AcmeError(
          `${new URL(url).host}: ${late.aborted ? `no answer within ${patience / 1000} s` : error.message}`,
        ),
      );
    const headers = {
      "user-agent": userAgent,
      ...(body !== undefined && {
        "content-type": "application/jose+json",
        "content-length": String(Buffer.byteLength(body)),
      }),
    };
    const options = { method, headers, ca, agent: false, signal: AbortSignal.any([signal, late]) };
    const outgoing = https.request(url, options, (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on("data", (chunk: Buffer) => {
        length += chunk.length;
        chunks.push(chunk);
        if (length > mostBytes) response.destroy(new Error(`an answer of more than ${mostBytes} bytes`));
      });
      response.once("error", fail);
      response.once("end", () => {
        const flat = Object.entries(response.headers).map(([name, value]) => [
          name,
          Array.isArray(value) ? (value[0] ?? "") : (value ?? ""),
        ]);
        resolve({
          status: response.statusCode ?? 0,
          headers: Object.fromEntries(flat) as Record<string, string>,
          body: Buffer.concat(chunks).toString("utf8"),
        });
      });
    });
    outgoing.once("error", fail);
    outgoing.end(body);
    return promise;
  };
}
