/** The work of a load generator: `clients` ask for one path, each again as soon as it has its answer. */
export interface Load {
  readonly path: string;
  /** The body's size that an answer must have. */
  readonly responseBytes: number;
  /** The request's body; 0 makes it a GET. */
  readonly uploadBytes: number;
  /** One connection for all requests of a client, or a new one for each: with a full handshake, or a resumed session. */
  readonly connection: "kept" | "new" | "resumed";
  readonly clients: number;
  /** Over HTTP/2, so many requests at a time on each client's connection; undefined: HTTP/1.1, one. */
  readonly streams?: number;
}

export interface Aim {
  readonly load: Load;
  readonly port: number;
  /** The one cipher suite of TLS 1.3 that the clients offer. */
  readonly cipher: string;
}

/** A load against a port, for a time. */
export interface LoadRun extends Aim {
  readonly seconds: number;
  /** Requests per second, by the clock whatever the answers do; undefined means as fast as the clients can. */
  readonly rate: number | undefined;
}

export interface LoadResult {
  /** Complete answers. */
  readonly units: number;
  readonly seconds: number;
  /** Failures in words, each once with its count. Any of them makes the run invalid. */
  readonly errors: readonly string[];
  /** In milliseconds, from the moment that a request was due; undefined without a rate. */
  readonly latency: Latency | undefined;
}

interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly longest: number;
}
