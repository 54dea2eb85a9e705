import { isEditable } from "../../../../http/edits.ts";
import {
  idempotentMethods,
  type RetryPolicy,
  type RetryTrigger,
  safeRetries,
} from "../../../../model/http/retry.ts";
import type { HashKey, Sticky } from "../../../../model/http/route.ts";
import type { Annotations, Draft } from "./draft.ts";
import { ownKey } from "./guards.ts";
import {
  always,
  BadValue,
  cookieName,
  flag,
  list,
  oneOf,
  seconds,
  server,
  size,
  text,
  whole,
} from "./values.ts";

const stickyOf = (draft: Draft, change: Partial<Sticky>): void => {
  if (draft.sticky !== undefined) draft.sticky = { ...draft.sticky, ...change };
};

/** Variables of nginx of which umay has the like. */
function hashKey(variable: string): HashKey | undefined {
  const [, kind = "", name = ""] =
    /^\$(?:(http|cookie|arg)_(\w+)|(?:binary_)?remote_addr)$/.exec(variable) ?? [];
  if (/^\$(?:binary_)?remote_addr$/.test(variable)) return { kind: "source-ip" };
  if (kind === "http") return { kind: "header", name: name.replaceAll("_", "-").toLowerCase() };
  if (kind === "cookie") return { kind: "cookie", name };
  return kind === "arg" ? { kind: "query", name } : undefined;
}

/** The names that nginx gives to failures, and those that they have here. */
const triggers: Readonly<Record<string, readonly (RetryTrigger | number)[]>> = {
  error: ["connect-failed", "refused-stream", "reused-reset", "reset"],
  timeout: ["connect-failed", "try-timeout"],
  invalid_header: ["reset"],
  http_500: [500],
  http_502: [502],
  http_503: [503],
  http_504: [504],
  http_403: [403],
  http_404: [404],
  http_429: [429],
};

function retryOn(words: readonly string[], draft: Draft): void {
  if (words.includes("off")) {
    draft.retry = { ...safeRetries, attempts: 0, on: [], statuses: [] };
    return;
  }
  const known = words.filter((word) => word !== "non_idempotent");
  const wrong = known.find((word) => triggers[word] === undefined);
  if (wrong !== undefined) throw new BadValue(`umay does not know ${wrong}`);
  const on = [...new Set(known.flatMap((word) => triggers[word]!))];
  draft.retry = {
    ...(draft.retry ?? safeRetries),
    attempts: draft.retry?.attempts ?? 2,
    on: on.filter((each) => typeof each === "string"),
    statuses: on.filter((each) => typeof each === "number"),
    methods: words.includes("non_idempotent") ? "all" : idempotentMethods,
    buffer: 65_536,
  };
}

const retryOf = (draft: Draft): RetryPolicy => draft.retry ?? safeRetries;

/** How backends are chosen and spoken to. An annotation that needs another one stands behind it. */
export const backendAnnotations: Annotations = {
  affinity: oneOf(["cookie"])("routes.X.sticky", (_, draft) => {
    draft.sticky = { cookie: "INGRESSCOOKIE", sameSite: "lax", maxAge: undefined };
  }),
  "affinity-mode": always("persistent", "a client stays where it is while its backend is there"),
  "session-cookie-name": text("routes.X.sticky.cookie", (cookie, draft) => {
    if (!cookieName.test(cookie)) throw new BadValue("expected the name of a cookie");
    stickyOf(draft, { cookie });
  }),
  "session-cookie-expires": seconds("routes.X.sticky.max_age", (maxAge, draft) => {
    stickyOf(draft, { maxAge });
  }),
  "session-cookie-max-age": seconds("routes.X.sticky.max_age", (maxAge, draft) => {
    stickyOf(draft, { maxAge });
  }),
  "session-cookie-samesite": oneOf(["Lax", "Strict", "None"])("routes.X.sticky.same_site", (word, draft) => {
    stickyOf(draft, { sameSite: word.toLowerCase() as Sticky["sameSite"] });
  }),
  "session-cookie-path": always("/", "the cookie holds for the whole host"),
  "session-cookie-change-on-failure": always("true", "a client whose backend is gone gets another one"),
  "upstream-hash-by": text("routes.X.hash", (value, draft) => {
    const key = hashKey(value);
    if (key === undefined) throw new BadValue("expected $remote_addr, $http_NAME, $cookie_NAME or $arg_NAME");
    draft.hash = [key];
    draft.backend.picker = {
      type: "consistent-hash",
      key: "source-ip",
      algorithm: "maglev",
      boundedLoad: undefined,
    };
  }),
  "load-balance": oneOf(["round_robin", "ewma"])("pools.X.picker", (word, draft) => {
    draft.backend.picker ??= word === "ewma" ? { type: "peak-ewma", decay: 10_000 } : { type: "round-robin" };
  }),
  "backend-protocol": oneOf(["HTTP", "HTTPS", "GRPC", "GRPCS", "AUTO_HTTP"])(
    "pools.X.http.version",
    (word, draft) => {
      draft.backend.protocol = word === "AUTO_HTTP" ? "auto" : (word.toLowerCase() as "http");
    },
  ),
  "service-upstream": flag("pools.X.discovery", (value, draft) => {
    draft.backend.viaService = value;
  }),
  "proxy-http-version": always("1.1", "backend-protocol says whether HTTP/2 is spoken"),
  "proxy-ssl-secret": text("pools.X.tls.ca", (secret, draft) => {
    draft.backend.secret = secret;
  }),
  "proxy-ssl-verify": oneOf(["on", "off"])("pools.X.tls.verify", (word, draft) => {
    draft.backend.verify = word === "on";
  }),
  "proxy-ssl-name": text("pools.X.tls.server_name", (name, draft) => {
    draft.backend.name = name.toLowerCase();
  }),
  "proxy-ssl-server-name": always("on", "backends are always told the name that they are to show"),
  "proxy-connect-timeout": seconds("pools.X.connect.timeout", (time, draft) => {
    if (time === 0) throw new BadValue("expected a number above 0");
    draft.timeouts.connect = time;
  }),
  "proxy-read-timeout": seconds("routes.X.timeouts.first_byte", (time, draft) => {
    if (time === 0) throw new BadValue("expected a number above 0");
    draft.timeouts.read = time;
  }),
  "proxy-send-timeout": seconds("routes.X.timeouts.idle", (time, draft) => {
    if (time === 0) throw new BadValue("expected a number above 0");
    draft.timeouts.send = time;
  }),
  "proxy-next-upstream": list("routes.X.retry.on", retryOn),
  "proxy-next-upstream-tries": whole(
    "routes.X.retry.attempts",
    (tries, draft) => {
      draft.retry = { ...retryOf(draft), attempts: tries === 0 ? 15 : Math.min(15, tries - 1) };
    },
    "counts the first one, as nginx does",
  ),
  "proxy-body-size": size("routes.X.max_body", (bytes, draft) => {
    draft.maxBody = bytes;
  }),
  "proxy-buffering": always("off", "nothing is held back"),
  "proxy-request-buffering": always("off", "nothing is held back"),
  "custom-headers": text("routes.X.response_headers.set", (name, draft, { namespace, secrets }) => {
    const key = ownKey(name, namespace);
    if (key === undefined) throw new BadValue("is in another namespace");
    const map = secrets.configMap(key);
    if (map === undefined) throw new BadValue(`there is no ConfigMap ${key}`);
    for (const [field, value] of Object.entries(map.data ?? {}))
      if (!isEditable(field) || /[^\t\x20-\x7e]/.test(value))
        throw new BadValue(`${field} in ${key} is no header that can be set`);
    for (const [field, value] of Object.entries(map.data ?? {}))
      draft.responseFields[field.toLowerCase()] = [value];
  }),
  "mirror-target": server(
    "routes.X.mirror",
    (target, draft) => {
      draft.mirror = target;
    },
    "the path and the query stay the request's own; no address of umay's own machine",
  ),
  "mirror-request-body": always("on", "copies are whole"),
  "enable-opentelemetry": flag("routes.X.trace", (value, draft) => {
    draft.trace = value ? 100 : 0;
  }),
  "enable-access-log": flag(
    "routes.X.log",
    (value, draft) => {
      draft.isLogged = value;
    },
    "requests that failed have a line always",
  ),
};
