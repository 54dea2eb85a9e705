/** An answer to a request for what Envoy's users know. */
export interface EnvoyAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** Answers a request by its query. */
export type Ask = (query: URLSearchParams) => EnvoyAnswer | Promise<EnvoyAnswer>;

/** The paths of Envoy's admin server that umay has beside its own, where it is configured as Envoy is. */
export interface EnvoyPaths {
  /** For GET and HEAD. */
  readonly looks: ReadonlyMap<string, Ask>;
  /** For POST: these change something. */
  readonly changes: ReadonlyMap<string, Ask>;
}

export const plainText = (body: string, status = 200): EnvoyAnswer => ({
  status,
  contentType: "text/plain; charset=utf-8",
  body,
});

export const jsonText = (value: object): EnvoyAnswer => ({
  status: 200,
  contentType: "application/json; charset=utf-8",
  body: `${JSON.stringify(value, undefined, 1)}\n`,
});
