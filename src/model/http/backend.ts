import type { HttpVersion } from "./front.ts";

/** How a pool's backends are spoken to where http listeners send them requests. */
export interface PoolHttp {
  /** `auto`: over TLS what they choose (ALPN), without TLS HTTP/1.1. `client`: as the client does. */
  readonly version: HttpVersion | "auto" | "client";
  /** The host that they see: the client's, their own host name or address, or this one, with a port where it has one. */
  readonly host: "keep" | "backend" | { readonly name: string };
  /** How long an idle connection is kept, in milliseconds; 0: not at all. */
  readonly idle: number;
  /** The same for one that speaks HTTP/2, which tells of its end before. */
  readonly sharedIdle: number;
  /** The most idle connections to each backend that each worker keeps. */
  readonly maxIdlePerBackend: number;
  /** The most requests at a time to each backend, over all workers; undefined: no limit. */
  readonly maxRequestsPerBackend: number | undefined;
  /**
   * Fields of requests, in lower case, that name backends by their addresses, with commas between them: the first one that the pool
   * has is taken, and the next one where that can't be had. Undefined: none do.
   */
  readonly backendFields?: readonly string[];
  /** The largest head of a response, in bytes. */
  readonly maxResponseHead: number;
}

/** Whether backends are spoken to in HTTP/1.1 alone. */
export const speaksOnlyHttp1 = ({
  http,
  tls,
}: {
  readonly http: PoolHttp;
  readonly tls?: object | undefined;
}): boolean => http.version === "1.1" || (http.version === "auto" && tls === undefined);
