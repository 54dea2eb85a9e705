import type { Path } from "../../../lib/findings.ts";

/*
 * Words of other proxies and umay's for them. A hint is only given where it is right: a word that means several things
 * has none, and says so with an empty text, so that no similar key is guessed either.
 */

/** Where a key stands; a word means something else in each of them. */
type Place = "top" | "listeners" | "pools" | "routes" | "health" | "acme" | "tls" | "elsewhere";

const backends =
  'backends are a list: discovery = { type = "static", backends = ["10.0.0.5:80"] } in [pools.<name>]';
const pool = 'umay\'s word is pool: a table [pools.<name>], and pool = "<name>" in a listener or route';
const pools = "umay's word is pools: a table [pools.<name>] for each";
const listeners = "umay's word is listeners: a table [listeners.<name>] for each";
const routes = "umay's word is routes: a table [routes.<name>] for each";
const bind = 'umay\'s word is bind, in [listeners.<name>]: bind = "0.0.0.0:443"';
const picker = "umay's word is picker, in [pools.<name>]";
const certificates = "certificates are in [[listeners.<name>.tls.certificates]]: cert and key";
const health = "umay's word is health, in [pools.<name>]";
const hosts = 'umay\'s word is hosts, in [routes.<name>]: hosts = ["example.com"]';
const version = 'HTTP/2 to backends is http.version = "2", in [pools.<name>]';
const limits = "limits are tables [rate_limits.<name>], and rate_limit of a route names them";
const users = "users are in a table [auth.<name>], and auth of a route names it";
const noVerify = "umay's word is verify: verify = false";
const either = "clients connect to [listeners.<name>], and backends are in [pools.<name>]";
const redirect = "umay's words are https_redirect in a listener that only does that, and redirect in a route";

/** Words that mean several things. */
const unclear = { port: "", host: "", status: "", backend: "", backends: "" };

/** Of each word, by the place where it stands. */
const placed: Readonly<Record<Place, Readonly<Record<string, string>>>> = {
  top: {
    server: either,
    servers: either,
    service: either,
    services: either,
    backend: pools,
    backends: pools,
    http: either,
    https: either,
    tcp: either,
    stream: either,
    port: bind,
    bind,
    address: bind,
    routers: routes,
    location: routes,
    locations: routes,
    tls: "umay's word is tls, in [listeners.<name>] or [pools.<name>]",
    certificates,
    cert: certificates,
    global: "settings of the process are keys at the top of the file, and in [log], [shutdown] and [admin]",
    defaults: "each listener and pool says itself what differs from umay's defaults",
  },
  listeners: {
    port: "the port is part of bind",
    address: "the address is bind",
    host: "the address is bind; hosts of requests are hosts, in [routes.<name>]",
    backend: 'umay\'s word is pool: pool = "<name>"',
    backends,
    target: 'umay\'s word is pool: pool = "<name>"',
    service: 'umay\'s word is pool: pool = "<name>"',
    server: 'umay\'s word is pool: pool = "<name>"',
    servers: backends,
    hosts,
    hostname: hosts,
    server_name: `${hosts}; of TLS alone it is sni, in [[listeners.<name>.routes]]`,
    domains: hosts,
    location: "umay's word is routes: [routes.<name>] with path_prefix",
    path: "paths are in [routes.<name>]",
    redirect,
    cert: certificates,
    key: certificates,
    certificates,
    websocket: 'WebSockets pass with mode = "http"; routes.<name>.upgrades can refuse them',
  },
  pools: {
    port: 'a port stands behind each backend; of type = "dns" it is port in [pools.<name>.discovery]',
    backend: backends,
    hosts: backends,
    targets: backends,
    members: backends,
    nodes: backends,
    address: backends,
    addresses: backends,
    check: health,
    timeout: "umay's words are connect.timeout in a pool, and timeouts in a listener or route",
    weight: 'a weight stands beside its backend: backends = [{ address = "10.0.0.5:80", weight = 2 }]',
    protocol: "umay's words are http.version, and a table tls where backends speak it",
    scheme: "backends that speak TLS have a table [pools.<name>.tls]",
    sticky: "umay's word is sticky, in [routes.<name>]",
    lb: picker,
    method: picker,
    strategy: picker,
    h2c: version,
    http2: version,
    grpc: version,
    passive_health: "umay's word is outlier, in [pools.<name>]",
    circuit_breakers: "umay's words are max_connections and max_connections_per_backend",
  },
  routes: {
    backend: 'umay\'s word is pool: pool = "<name>"',
    service: 'umay\'s word is pool: pool = "<name>"',
    target: 'umay\'s word is pool: pool = "<name>"',
    host: 'umay\'s word is hosts: hosts = ["example.com"]',
    hostname: 'umay\'s word is hosts: hosts = ["example.com"]',
    server_name: 'umay\'s word is hosts: hosts = ["example.com"]',
    domain: 'umay\'s word is hosts: hosts = ["example.com"]',
    domains: 'umay\'s word is hosts: hosts = ["example.com"]',
    proxy_pass: 'umay\'s word is pool: pool = "<name>"',
    prefix: "umay's word is path_prefix",
    location: "umay's words are path, path_prefix and path_regex",
    regex: "umay's word is path_regex",
    strip_prefix: 'umay\'s word is rewrite: rewrite = { path_prefix = "/" }',
    rewrite_target: "umay's word is rewrite",
    status: "an answer of umay's own is respond = { status = 404 }",
    port: "",
    websocket: "WebSockets pass; upgrades = [] refuses them",
    weight: 'weights stand beside pools: pools = [{ pool = "a", weight = 95 }, { pool = "b", weight = 5 }]',
    canary: 'umay\'s word is pools: pools = [{ pool = "a", weight = 95 }, { pool = "b", weight = 5 }]',
    timeout: "umay's words are timeouts.request for the whole, timeouts.first_byte and timeouts.idle",
    rate_limits: limits,
    ratelimit: limits,
    limit_req: limits,
    basic_auth: users,
    basicauth: users,
    auth_basic: users,
    middlewares: "rewrite, auth, rate_limit and the like are keys of the route itself",
    filters: "rewrite, auth, rate_limit and the like are keys of the route itself",
    https_redirect:
      'umay\'s word is redirect: redirect = { scheme = "https" }; https_redirect is a key of listeners',
  },
  health: {
    status: "umay's word is expect_status",
    statuses: "umay's word is expect_status",
    expected_status: "umay's word is expect_status",
    body: "umay's word is expect_body",
    url: "umay's word is path",
    uri: "umay's word is path",
    threshold: "umay's words are rise and fall",
    inter: "umay's word is interval",
  },
  acme: {
    ...unclear,
    email: 'umay\'s word is contact: contact = ["ops@example.com"]',
    agree_tos: "umay's word is terms_agreed",
    tos_agreed: "umay's word is terms_agreed",
    server: "umay's word is directory",
    ca_server: "umay's word is directory",
    domains: "umay's word is names, in [listeners.<name>.tls.acme]",
  },
  tls: {
    ...unclear,
    sni: "umay's word is server_name",
    servername: "umay's word is server_name",
    insecure_skip_verify: noVerify,
    insecure: noVerify,
    skip_verify: noVerify,
    root_ca: "umay's word is ca",
    ca_file: "umay's word is ca",
    trusted_ca: "umay's word is ca",
  },
  elsewhere: unclear,
};

/** Words that mean the same everywhere. */
const everywhere: Readonly<Record<string, string>> = {
  balance: `${picker}: picker = "round-robin"`,
  lb_policy: picker,
  lb_algorithm: picker,
  algorithm: picker,
  server: backends,
  servers: backends,
  endpoints: backends,
  upstream: pool,
  upstreams: pools,
  cluster: pool,
  clusters: pools,
  frontend: listeners,
  frontends: listeners,
  entrypoints: listeners,
  listen: bind,
  default_backend: 'umay\'s word is pool, in [listeners.<name>]: pool = "<name>"',
  use_backend: "umay's word is routes, in [listeners.<name>]",
  proxy_pass: 'umay\'s word is pool, in [listeners.<name>]: pool = "<name>"',
  ssl_certificate: certificates,
  ssl_certificate_key: certificates,
  crt: certificates,
  ssl: "umay's word is tls, in [listeners.<name>] or [pools.<name>]",
  maxconn: "umay's word is max_connections in a listener, and max_connections_per_backend in a pool",
  send_proxy: 'umay\'s word is proxy_protocol = "v1", in [pools.<name>]',
  send_proxy_v2: 'umay\'s word is proxy_protocol = "v2", in [pools.<name>]',
  accept_proxy: "umay's word is proxy_protocol, a table [listeners.<name>.proxy_protocol] with trust",
  health_check: health,
  healthcheck: health,
  access_log: "umay's word is log.access: a table [log.access] with file and format",
  error_log: "errors are lines of the log, on standard output; [log] has level and format",
  client_max_body_size: "umay's word is max_body, in [listeners.<name>.http] or [routes.<name>]",
  proxy_set_header: "umay's word is request_headers, in [routes.<name>]",
  add_header: "umay's word is response_headers, in [routes.<name>]",
  proxy_read_timeout: "umay's words are timeouts.first_byte and timeouts.idle, in [routes.<name>]",
  code: "umay's word is status",
  domains: "umay's word is names",
  option: "",
  url: "",
  uri: "",
};

const word = (choice: string): string => `umay's word is "${choice}"`;

const withTls = 'umay\'s words are mode = "http" and a table [listeners.<name>.tls]';
const terminated =
  'a table [listeners.<name>.tls] terminates TLS, with mode = "tcp" or "http"; "passthrough" leaves it to backends';

/** Of each list of choices, known by one of them: words of other proxies, and what to say to each. */
const choices: readonly (readonly [of: string, hints: Readonly<Record<string, string>>])[] = [
  [
    "least-connection",
    {
      leastconn: word("least-connection"),
      least_conn: word("least-connection"),
      least_connections: word("least-connection"),
      wlc: word("least-connection"),
      rr: word("round-robin"),
      wrr: word("round-robin"),
      "static-rr": word("round-robin"),
      least_request: word("power-of-two"),
      p2c: word("power-of-two"),
      ewma: word("peak-ewma"),
      source: word("consistent-hash"),
      ip_hash: word("consistent-hash"),
      hash: word("consistent-hash"),
      ring_hash: word("consistent-hash"),
      ketama: word("consistent-hash"),
      maglev: word("consistent-hash"),
    },
  ],
  [
    "passthrough",
    {
      https: withTls,
      h2: withTls,
      http2: word("http"),
      grpc: word("http"),
      websocket: word("http"),
      layer7: word("http"),
      l7: word("http"),
      layer4: word("tcp"),
      l4: word("tcp"),
      stream: word("tcp"),
      tls: terminated,
      ssl: terminated,
      udp: "",
    },
  ],
  [
    "connect-failed",
    {
      "5xx": 'did you mean "500-599"?',
      "4xx": 'did you mean "400-499"?',
      "gateway-error": 'did you mean "502-504"?',
      error: 'umay\'s words are "connect-failed" and "reset"',
      timeout: word("try-timeout"),
      "response-timeout": word("try-timeout"),
      "connect-failure": word("connect-failed"),
      "conn-failure": word("connect-failed"),
      "empty-response": word("reset"),
      non_idempotent: 'umay\'s word is methods = "all"',
    },
  ],
  [
    "grpc",
    { https: 'umay\'s word is "http"; with a table tls here, or in the pool, it is https', ssl: word("tls") },
  ],
  [
    "static",
    {
      strict_dns: word("dns"),
      logical_dns: word("dns"),
      srv: 'umay\'s words are type = "dns" and record = "srv"',
    },
  ],
  [
    "client",
    {
      h2c: word("2"),
      h2: word("2"),
      http2: word("2"),
      grpc: word("2"),
      http1: word("1.1"),
      "http/1.1": word("1.1"),
      "http/2": word("2"),
    },
  ],
];

/**
 * The hint for a key of another proxy; an empty one where no hint would be right; undefined for an unknown word.
 * @param table the place of the table that has it.
 */
export function foreignKey(key: string, table: Path): string | undefined {
  const word = key.toLowerCase().replaceAll("-", "_");
  const there = placed[placeOf(table)];
  if (Object.hasOwn(there, word)) return there[word];
  return Object.hasOwn(everywhere, word) ? everywhere[word] : undefined;
}

function placeOf([kind, , below, deeper]: Path): Place {
  if (kind === undefined) return "top";
  if (kind === "pools" && below === "health" && deeper === undefined) return "health";
  if (kind === "pools" && below === "tls" && deeper === undefined) return "tls";
  if (kind === "acme" && below === undefined) return "acme";
  if (below !== undefined) return "elsewhere";
  return kind === "listeners" || kind === "pools" || kind === "routes" ? kind : "elsewhere";
}

/**
 * The hint for a word of another proxy where one of umay's is expected; an empty one where none is right.
 * @param expected umay's words.
 */
export function foreignChoice(value: string, expected: readonly string[]): string | undefined {
  const given = value.toLowerCase();
  for (const [of, hints] of choices)
    if (expected.includes(of) && Object.hasOwn(hints, given)) return hints[given];
  return undefined;
}
