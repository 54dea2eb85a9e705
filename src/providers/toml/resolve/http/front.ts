import { errorAt, type Path } from "../../../../lib/findings.ts";
import { readRange } from "../../../../lib/ranges.ts";
import type {
  ErrorPage,
  Forwarded,
  Hsts,
  Http2Front,
  HttpFront,
  HttpVersion,
} from "../../../../model/http/front.ts";
import {
  defaultForwarded,
  defaultHttp,
  defaultHttp2,
  type ForwardedSettings,
  type Http2Settings,
  type HttpSettings,
} from "../../schema/http/listener.ts";
import type { ListenerSettings } from "../../schema/listener.ts";
import { trimmedBits } from "../limits.ts";
import { readContent } from "./content.ts";
import type { Resolving } from "./context.ts";

const [second, minute, hour] = [1_000, 60_000, 3_600_000];

/** Without this many requests, clients of a new machine would stay where they are. */
const usualRequests = 10_000;

/** How a listener with `mode = "http"` speaks with its clients. @param path of the listener. */
export async function resolveFront(
  settings: ListenerSettings,
  path: Path,
  resolving: Resolving,
): Promise<HttpFront> {
  const http = settings.http ?? defaultHttp();
  const forwarded = settings.forwarded ?? defaultForwarded();
  const { timeouts, hsts, max_requests_per_connection: requests = usualRequests } = settings;
  for (const finding of trimmedBits(forwarded.trust, [...path, "forwarded", "trust"]))
    resolving.report(finding);
  return {
    versions: versionsOf(settings),
    http2: resolveHttp2(settings.http2 ?? defaultHttp2()),
    limits: {
      requestHead: http.max_request_head,
      fields: http.max_fields,
      target: http.max_target,
      body: http.max_body,
      response: http.max_response,
      minBodyRate: http.min_body_rate,
      requests: http.max_requests,
    },
    timeouts: {
      requestHeader: timeouts.request_header ?? 10 * second,
      bodyIdle: timeouts.body_idle ?? minute,
      keepAlive: timeouts.keep_alive ?? 75 * second,
      idle: timeouts.idle ?? 5 * minute,
      upgradedIdle: timeouts.upgraded_idle ?? hour,
    },
    maxRequests: requests || undefined,
    maxAge: settings.max_connection_age,
    underscores: http.underscores,
    ambiguousPaths: http.ambiguous_paths,
    misdirected: http.misdirected,
    earlyHints: http.early_hints,
    via: http.via || undefined,
    server: serverField(http),
    hsts: resolveHsts(hsts),
    securityFields: settings.security_headers ?? false,
    forwarded: resolveForwarded(forwarded),
    errors: await resolveErrors(settings.errors ?? {}, [...path, "errors"], resolving),
  };
}

/** In order of preference. */
export const versionsOf = ({ http = defaultHttp() }: ListenerSettings): readonly HttpVersion[] =>
  http.versions;

function resolveHttp2(settings: Http2Settings): Http2Front {
  const { max_streams: streams, stream_window: streamWindow, connection_window: connectionWindow } = settings;
  const { resets, glitches, header_table: headerTable } = settings;
  const ping = settings.ping.interval === 0 ? undefined : settings.ping;
  const rates = { burst: resets.burst, perSecond: (resets.rate.connections * 1_000) / resets.rate.period };
  return { streams, streamWindow, connectionWindow, headerTable, ping, resets: rates, glitches };
}

function serverField({ server }: HttpSettings): HttpFront["server"] {
  return server === "keep" || server === "remove" ? server : { text: server };
}

function resolveHsts(hsts: ListenerSettings["hsts"]): Hsts | undefined {
  if (hsts === undefined) return undefined;
  if (typeof hsts === "number") return { maxAge: hsts, subdomains: false, preload: false };
  return { maxAge: hsts.max_age, subdomains: hsts.subdomains, preload: hsts.preload };
}

function resolveForwarded({ trust, read, write, request_id: requestId }: ForwardedSettings): Forwarded {
  return { trust: trust.map(({ cidr }) => cidr), read, write, requestId: requestId || undefined };
}

/** Narrower ranges come first, so that a page for one status counts before one for many. */
async function resolveErrors(
  errors: NonNullable<ListenerSettings["errors"]>,
  path: Path,
  resolving: Resolving,
): Promise<ErrorPage[]> {
  const pages: ErrorPage[] = [];
  for (const [range, { file, type }] of Object.entries(errors)) {
    const { from, to } = readRange(range);
    if (from > to) resolving.report(errorAt([...path, range], "is an empty range; swap its ends"));
    const content = await readContent(file, type, [...path, range, "file"], resolving);
    if (content !== undefined) pages.push({ from, to, content });
  }
  return pages.sort((left, right) => left.to - left.from - (right.to - right.from) || left.from - right.from);
}
