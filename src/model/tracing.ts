/** Where telemetry goes: a collector that speaks OTLP. */
export interface OtlpSettings {
  /** URLs of traces and of metrics. With `grpc`, traces are sent in protobuf over gRPC; else all is JSON over HTTP. */
  readonly protocol?: "grpc";
  readonly traces: string;
  readonly metrics: string;
  /** Sent with each request to it. */
  readonly headers: Readonly<Record<string, string>>;
  readonly serviceName: string;
  /** Time between two reports of metrics, in milliseconds; 0: none are sent. */
  readonly interval: number;
}

/** One request as a span (OpenTelemetry, semantic conventions of HTTP). */
export interface SpanRecord {
  /** Hexadecimal digits: 32, 16, and 16 or none. */
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string;
  readonly traceState: string;
  readonly name: string;
  /** In milliseconds since 1970. */
  readonly began: number;
  readonly ended: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  /** Why it counts as failed; empty: it does not. */
  readonly error: string;
}
