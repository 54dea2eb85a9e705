import {
  backendCell,
  backendResetterList,
  http2Codes,
  httpVersionList,
  listenerCell,
  resetterList,
  sumCells,
} from "../../../channel/counters.ts";
import { codeName, errorCode } from "../../../http/http2/protocol.ts";
import { speaksOnlyHttp1 } from "../../../model/http/backend.ts";
import type { http2Metrics } from "../../../observe/http2-metrics.ts";
import { speakingHttp, streamsOnListener } from "../../state/counts.ts";
import type { MetricsInput } from "../readings.ts";
import { type Collector, of, type Sample } from "./samples.ts";

const codes = Array.from({ length: http2Codes }, (_, code) => codeName(code));
const flood = codeName(errorCode.calm);

const errors = byLabel("code", codes, "http2Errors");

/** Of clients that speak HTTP: of their connections, and of the streams of HTTP/2. */
export const http2Collectors: { readonly [Name in keyof typeof http2Metrics]: Collector } = {
  umay_http_connections_total: byLabel("version", httpVersionList, "httpConnections"),
  umay_http2_streams_total: ofListeners("http2Begun"),
  umay_http2_streams: ({ memories, snapshot }) =>
    speakingHttp(snapshot()).map((listener) => ({
      labels: { listener: listener.name },
      value: streamsOnListener(memories, listener),
    })),
  umay_http2_resets_total: byLabel("by", resetterList, "http2Resets"),
  umay_http2_glitches_total: ofListeners("http2Glitches"),
  umay_http2_errors_total: (input) =>
    errors(input).filter(({ value, labels }) => value > 0 || labels["code"] === flood),
  umay_backend_http2_connections: ofHttp2Backends("http2Connections"),
  umay_backend_http2_streams: ofHttp2Backends("http2Streams"),
  umay_backend_http2_goaways_total: ofHttp2Backends("http2GoAways"),
  umay_backend_http2_resets_total: (input) =>
    backendResetterList.values().flatMap((by, index) => ofHttp2Backends("http2Resets", index, { by })(input)),
};

function ofListeners(cell: "http2Begun" | "http2Glitches"): Collector {
  return ({ memories, snapshot }) =>
    speakingHttp(snapshot()).map(({ name, counters }) => ({
      labels: { listener: name },
      value: sumCells(memories, counters + listenerCell[cell]),
    }));
}

/** A count for each listener and each value of a label. */
function byLabel(
  label: string,
  values: readonly string[],
  cell: "httpConnections" | "http2Resets" | "http2Errors",
): (input: MetricsInput) => readonly Sample[] {
  return ({ memories, snapshot }) =>
    speakingHttp(snapshot()).flatMap(({ name, counters }) =>
      values.map((value, index) => ({
        labels: { listener: name, [label]: value },
        value: sumCells(memories, counters + listenerCell[cell] + index),
      })),
    );
}

/** Of the backends of pools that may speak HTTP/2 with them. @param index of the cell, of several. @param more labels. */
function ofHttp2Backends(
  cell: "http2Connections" | "http2Streams" | "http2GoAways" | "http2Resets",
  index = 0,
  more: Readonly<Record<string, string>> = {},
): Collector {
  return of(
    ({ pools }) => pools.filter((pool) => !speaksOnlyHttp1(pool)),
    ({ memories }, { name, backends }) =>
      backends.map(({ address, counters }) => ({
        labels: { pool: name, backend: address, ...more },
        value: sumCells(memories, counters + backendCell[cell] + index),
      })),
  );
}
