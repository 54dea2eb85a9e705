/*
 * Words of other proxies and umay's for them. A hint is only given where it is right: a word that means several things
 * has none, and says so with an empty text, so that no similar key is guessed either.
 */

const keys: ReadonlyMap<string, string> = new Map([
  ["balance", 'umay\'s word is picker, in [pools.<name>]: picker = "round-robin"'],
  ["lb_policy", "umay's word is picker, in [pools.<name>]"],
  ["lb_algorithm", "umay's word is picker, in [pools.<name>]"],
  ["algorithm", "umay's word is picker, in [pools.<name>]"],
  [
    "server",
    'backends are a list: discovery = { type = "static", backends = ["10.0.0.5:80"] } in [pools.<name>]',
  ],
  [
    "servers",
    'backends are a list: discovery = { type = "static", backends = ["10.0.0.5:80"] } in [pools.<name>]',
  ],
  [
    "endpoints",
    'backends are a list: discovery = { type = "static", backends = ["10.0.0.5:80"] } in [pools.<name>]',
  ],
  ["upstream", 'umay\'s word is pool: a table [pools.<name>], and pool = "<name>" in a listener or route'],
  ["upstreams", "umay's word is pools: a table [pools.<name>] for each"],
  ["cluster", 'umay\'s word is pool: a table [pools.<name>], and pool = "<name>" in a listener or route'],
  ["clusters", "umay's word is pools: a table [pools.<name>] for each"],
  ["frontend", "umay's word is listeners: a table [listeners.<name>] for each"],
  ["frontends", "umay's word is listeners: a table [listeners.<name>] for each"],
  ["entrypoints", "umay's word is listeners: a table [listeners.<name>] for each"],
  ["listen", 'umay\'s word is bind, in [listeners.<name>]: bind = "0.0.0.0:443"'],
  ["default_backend", 'umay\'s word is pool, in [listeners.<name>]: pool = "<name>"'],
  ["use_backend", "umay's word is routes, in [listeners.<name>]"],
  ["proxy_pass", 'umay\'s word is pool, in [listeners.<name>]: pool = "<name>"'],
  ["ssl_certificate", "certificates are in [[listeners.<name>.tls.certificates]]: cert and key"],
  ["ssl_certificate_key", "certificates are in [[listeners.<name>.tls.certificates]]: cert and key"],
  ["ssl", "umay's word is tls, in [listeners.<name>] or [pools.<name>]"],
  ["maxconn", "umay's word is max_connections in a listener, and max_connections_per_backend in a pool"],
  ["health_check", "umay's word is health, in [pools.<name>]"],
  ["healthcheck", "umay's word is health, in [pools.<name>]"],
  ["option", ""],
  ["url", ""],
  ["uri", ""],
]);

const pickers: ReadonlyMap<string, string> = new Map([
  ["leastconn", "least-connection"],
  ["least_conn", "least-connection"],
  ["least_connections", "least-connection"],
  ["wlc", "least-connection"],
  ["rr", "round-robin"],
  ["wrr", "round-robin"],
  ["static-rr", "round-robin"],
  ["least_request", "power-of-two"],
  ["p2c", "power-of-two"],
  ["ewma", "peak-ewma"],
  ["source", "consistent-hash"],
  ["ip_hash", "consistent-hash"],
  ["hash", "consistent-hash"],
  ["ring_hash", "consistent-hash"],
  ["ketama", "consistent-hash"],
  ["maglev", "consistent-hash"],
]);

/** The hint for a key of another proxy; an empty one where no hint would be right; undefined for an unknown word. */
export function foreignKey(key: string): string | undefined {
  return keys.get(key.toLowerCase().replaceAll("-", "_"));
}

/** umay's picker for a word of another proxy. @param choices what is expected. */
export function foreignChoice(value: string, choices: readonly string[]): string | undefined {
  const ours = pickers.get(value.toLowerCase());
  return ours !== undefined && choices.includes(ours) ? `umay's word is "${ours}"` : undefined;
}

/** An address as another proxy writes it: a port alone, or a URL. */
export function foreignAddress(text: string): string | undefined {
  if (/^:?\d{1,5}$/.test(text)) return `did you mean "0.0.0.0:${text.replace(":", "")}"?`;
  if (/^\*:\d{1,5}$/.test(text)) return `did you mean "0.0.0.0${text.slice(1)}"?`;
  const [, scheme, host, port, rest = ""] =
    /^(https?|tcp|tls):\/\/([\w.-]+|\[[\da-f:]+\])(?::(\d{1,5}))?(\/.*)?$/i.exec(text) ?? [];
  if (scheme === undefined) return undefined;
  const usual = /^https|tls$/i.test(scheme) ? "443" : "80";
  const encrypted = /^https|tls$/i.test(scheme)
    ? "; whether TLS is spoken to it is said by [pools.<name>.tls]"
    : "";
  const path = rest.length > 1 ? "; a path is no part of it" : "";
  return `did you mean "${host}:${port ?? usual}"?${encrypted}${path}`;
}
