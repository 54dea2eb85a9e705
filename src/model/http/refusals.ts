/** Why umay answers a request itself, where no route says so, with the status of the answer. */
export const httpRefusals = {
  no_host: { status: 404, text: "no route takes the request's host" },
  no_route: { status: 404, text: "none of the host's routes takes the request" },
  misdirected: {
    status: 421,
    text: "the request's host is served over other connections than this one: they have another certificate, other terms of TLS, or other routes",
  },
  ambiguous_path: {
    status: 400,
    text: "a lax backend may read the path so that another route would take it",
  },
  denied: { status: 403, text: "the route's allow or deny refuses the client's address" },
  client_unnamed: { status: 403, text: "no proxy named the client, as the listener wants it" },
  upgrade_refused: { status: 403, text: "the route does not let connections change to that protocol" },
  host_missing: { status: 400, text: "the request names no host, which the redirect needs" },
  bad_rewrite: { status: 500, text: "the route's rewrite makes something of the path that is no path" },
  invalid_backend: {
    status: 500,
    text: "the route leads to something that cannot be had",
  },
} as const satisfies Readonly<Record<string, { readonly status: number; readonly text: string }>>;

export type HttpRefusal = keyof typeof httpRefusals;
