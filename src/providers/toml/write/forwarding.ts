import { asRanges } from "../../../lib/ranges.ts";
import type { Compression } from "../../../model/http/compression.ts";
import type { Cors } from "../../../model/http/cors.ts";
import { idempotentMethods, type RetryPolicy, safeRetries } from "../../../model/http/retry.ts";
import type { HttpRoute } from "../../../model/http/route.ts";
import { duration, list, table, type Writing } from "./context.ts";

/** The keys of a route that say how its requests are sent, and what becomes of answers. */
export function writeForwarding(route: HttpRoute, writing: Writing): object {
  const { name, retry, mirrors, maxBody, cors, compress } = route;
  return {
    retry: retry === safeRetries || isSafe(retry) ? undefined : writeRetry(retry),
    mirror: list(
      mirrors.map(({ pool, percent, maxRequests }) =>
        table({ pool: writing.name(pool), percent, max_requests: maxRequests }),
      ),
    ),
    max_body: maxBody === undefined ? undefined : String(maxBody),
    cors: cors && writeCors(cors, name, writing),
    compress: compress && writeCompression(compress),
  };
}

const isSafe = (retry: RetryPolicy): boolean => JSON.stringify(retry) === JSON.stringify(safeRetries);

function writeRetry({ attempts, on, statuses, methods, buffer, backoff }: RetryPolicy): object {
  return {
    attempts: Math.min(10, Math.max(1, attempts)),
    on: [...on, ...asRanges(statuses)],
    methods: methods === idempotentMethods ? "idempotent" : methods,
    buffer: String(Math.min(buffer, 16_777_216)),
    backoff: { base: duration(backoff.base), max: duration(backoff.max) },
  };
}

function writeCors(cors: Cors, route: string, writing: Writing): object | undefined {
  const { origins, originTests = [], methods, headers, expose, credentials, maxAge } = cors;
  if (originTests.length > 0) writing.omit(`route ${route}: tests of origins that are no whole names`);
  if (origins.length === 0) return undefined;
  return table({
    origins,
    methods,
    headers: list(headers),
    expose: list(expose),
    credentials: credentials ? true : undefined,
    max_age: duration(maxAge),
  });
}

const writeCompression = ({ codings, types, minSize }: Compression): object => ({
  codings,
  types,
  min_size: String(minSize),
});
