import { formatAddress, parseAddress } from "../lib/address.ts";

/** The wishes that a first configuration is to meet. */
export interface InitChoice {
  /** As in `bind`. */
  readonly listen: string;
  /** As the file will name them; undefined: plain TCP or HTTP. */
  readonly certificate: { readonly cert: string; readonly key: string } | undefined;
  readonly backends: readonly string[];
  /** Whether requests are read, or bytes passed on. */
  readonly http: boolean;
  /** Where plain HTTP is answered with a redirect to https; undefined: nowhere. */
  readonly redirect: string | undefined;
  /** Whether backends speak TLS. */
  readonly backendTls: boolean;
  /** A path that a backend answers with 200 where it is well; undefined: it only has to accept connections. */
  readonly healthPath: string | undefined;
  readonly admin: string;
}

const quoted = (text: string): string => JSON.stringify(text);

/** `443`, `:443` and `*:443` are every address of the machine. @returns the address as in `bind`, or what is wrong with it. */
export function readListen(text: string): { readonly bind: string } | string {
  const [, port] = /^(?:\*?:)?(\d{1,5})$/.exec(text) ?? [];
  const address = parseAddress(port === undefined ? text : `0.0.0.0:${port}`);
  return typeof address === "string" ? `${text} ${address}` : { bind: formatAddress(address) };
}

/** A configuration with comments: what it does, and what is near it but not needed. */
export function initText(choice: InitChoice): string {
  return `${[head(choice), redirectListener(choice), listener(choice), routes(choice), pool(choice)].filter((part) => part !== "").join("\n\n")}\n`;
}

const head = ({
  admin,
}: InitChoice): string => `# The configuration of umay. umay check says whether it is good; umay reload takes a change into service.
# docs/configuration.md lists every key. umay schema prints a schema for editors.
# A key that is commented out shows its default, unless its comment says otherwise.

# workers = "auto"               # data-plane threads; auto: one for each CPU that the process may use

# [log]
# level = "info"                 # trace, debug, info, warn, error, fatal, silent
# sessions = true                # one line for every session and request

# [shutdown]
# delay = "0s"                   # on SIGTERM: still accept for this long, while /readyz already says 503
# timeout = "30s"                # then live sessions have this long to end by themselves

[admin] # dashboard, /readyz, /metrics; what umay status, top, drain and reload ask. Nobody else may change anything there
bind = ${quoted(admin)}`;

function redirectListener({ redirect, listen }: InitChoice): string {
  if (redirect === undefined) return "";
  const port = /:(\d+)$/.exec(listen)?.[1] ?? "443";
  return `[listeners.plain] # only sends clients to https
bind = ${quoted(redirect)}
mode = "http"
https_redirect = { port = ${port} } # 308; a route is served here only if it names this listener`;
}

function listener({ listen, certificate, http }: InitChoice): string {
  const lines = [
    "[listeners.web]",
    `bind = ${quoted(listen)} # "[::]:443" is IPv4 and IPv6; "unix:/run/umay/web.sock" is a path`,
    ...(http ? ['mode = "http"', 'pool = "app"     # requests that no route takes'] : ['pool = "app"']),
    "# max_connections = 10000        # default: from the process's limit on open files",
    '# allow = ["10.0.0.0/8"]         # only these clients; default: everybody',
  ];
  if (http && certificate !== undefined)
    lines.push(
      '# hsts = "365d"                  # once every client is to come over TLS alone; default: not sent',
    );
  if (certificate === undefined) return lines.join("\n");
  return `${lines.join("\n")}

[listeners.web.tls]
# min_version = "TLSv1.2"

[[listeners.web.tls.certificates]] # repeat for more names; renewed files are taken up without a reload
cert = ${quoted(certificate.cert)} # the chain, leaf first
key = ${quoted(certificate.key)}`;
}

const routes = ({ http }: InitChoice): string =>
  http
    ? `# [routes.api]                   # the most specific route wins: docs/routes.md
# hosts = ["api.example.com"]
# path_prefix = "/v1"
# pool = "app"`
    : "";

function pool({ backends, backendTls, healthPath, http }: InitChoice): string {
  const check =
    healthPath === undefined
      ? 'health = { type = "tcp" }        # a backend that accepts no connection gets none'
      : `health = { type = "http", path = ${quoted(healthPath)} } # a backend that does not answer this with 2xx gets nothing`;
  const lines = [
    "[pools.app]",
    '# picker = "power-of-two"        # or round-robin, least-connection, peak-ewma, random, consistent-hash',
    check,
    ...(http ? ['# http = { idle = "4s" }         # how long a connection waits for its next request'] : []),
    "",
    "[pools.app.discovery]",
    'type = "static"                  # or dns, with name and port; or file, with path: docs/discovery.md',
    `backends = [${backends.map(quoted).join(", ")}]`,
  ];
  if (backendTls)
    lines.push(
      "",
      "[pools.app.tls] # backends are verified: by the name in their address, or by this one",
      '# server_name = "app.internal"   # default: the name in the address',
      '# ca = "ca.pem"                  # default: the CAs of the system',
    );
  return lines.join("\n");
}
