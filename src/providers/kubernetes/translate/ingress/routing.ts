import type { Redirect, RedirectStatus } from "../../../../model/http/route.ts";
import type { Annotations, Canary, Draft } from "./draft.ts";
import { BadValue, cookieName, flag, isHostName, list, oneOf, text, token, url, whole } from "./values.ts";

const canaryOf = (draft: Draft): Canary => {
  draft.canary ??= {
    header: undefined,
    headerValue: undefined,
    headerPattern: undefined,
    cookie: undefined,
    weight: 0,
    total: 100,
  };
  return draft.canary;
};

/** @throws BadValue */
function redirectTo(target: URL, status: RedirectStatus, draft: Draft): void {
  if (target.search !== "" || target.hash !== "")
    throw new BadValue("has a query; umay keeps the request's own");
  const redirect: Redirect = {
    scheme: target.protocol === "https:" ? "https" : "http",
    host: target.hostname,
    port: target.port === "" ? undefined : Number(target.port),
    path: { kind: "path", path: target.pathname },
    status,
  };
  draft.redirect = redirect;
}

const redirectStatuses = ["301", "302", "303", "307", "308"] as const;

const withStatus = (draft: Draft, status: string): void => {
  if (draft.redirect === undefined) throw new BadValue("needs the annotation with the URL");
  draft.redirect = { ...draft.redirect, status: Number(status) as RedirectStatus };
};

/** Where requests go, and as what. */
export const routingAnnotations: Annotations = {
  "app-root": text("routes.X.redirect.path", (path, draft) => {
    if (!/^\/[^?#]*$/.test(path)) throw new BadValue("expected a path");
    draft.appRoot = path;
  }),
  "use-regex": flag(
    "routes.X.match.path_regex",
    (value, draft) => {
      draft.isRegex = value;
    },
    "expressions of RE2; without upper and lower case, as in ingress-nginx",
  ),
  "rewrite-target": text("routes.X.rewrite.path_regex", (target, draft) => {
    draft.rewriteTarget = target;
    if (/\$\d/.test(target)) draft.isRegex = true;
  }),
  "permanent-redirect": url("routes.X.redirect", (target, draft) => redirectTo(target, 301, draft)),
  "permanent-redirect-code": oneOf(redirectStatuses)("routes.X.redirect.status", (status, draft) =>
    withStatus(draft, status),
  ),
  "temporal-redirect": url("routes.X.redirect", (target, draft) => redirectTo(target, 302, draft)),
  "temporal-redirect-code": oneOf(redirectStatuses)("routes.X.redirect.status", (status, draft) =>
    withStatus(draft, status),
  ),
  "ssl-redirect": flag(
    "listeners.X.https_redirect",
    (value, draft) => {
      draft.sslRedirect = value ? "tls" : "never";
    },
    "true without being written, where the host has a certificate; ACME's challenges pass",
  ),
  "force-ssl-redirect": flag("listeners.X.https_redirect", (value, draft) => {
    if (value) draft.sslRedirect = "always";
  }),
  "from-to-www-redirect": flag("routes.X.redirect.host", (value, draft) => {
    draft.wwwRedirect = value;
  }),
  "server-alias": list("routes.X.hosts", (names, draft) => {
    const lower = names.map((name) => name.toLowerCase());
    if (!lower.every((name) => isHostName(name.replace(/^\*\./, ""))))
      throw new BadValue("expected hosts, without expressions");
    draft.aliases.push(...lower);
  }),
  "upstream-vhost": text("routes.X.rewrite.host", (host, draft) => {
    if (!/^[\w.-]+(?::\d{1,5})?$/.test(host)) throw new BadValue("expected a host");
    draft.host = host.toLowerCase();
  }),
  "x-forwarded-prefix": text("routes.X.request_headers.set", (prefix, draft) => {
    if (/[^\x20-\x7e]/.test(prefix)) throw new BadValue("expected a path");
    draft.requestFields["x-forwarded-prefix"] = [prefix];
  }),
  "ssl-passthrough": flag(
    "listeners.X.routes.passthrough",
    (value, draft) => {
      draft.passthrough = value;
    },
    "all paths of the host, to the backend of the first",
  ),
  canary: flag("routes.X.pools", (value, draft) => {
    if (value) canaryOf(draft);
  }),
  "canary-by-header": text("routes.X.match.headers", (name, draft) => {
    if (!token.test(name)) throw new BadValue("expected the name of a header");
    canaryOf(draft).header = name.toLowerCase();
  }),
  "canary-by-header-value": text("routes.X.match.headers", (value, draft) => {
    canaryOf(draft).headerValue = value;
  }),
  "canary-by-header-pattern": text(
    "routes.X.match.headers",
    (value, draft) => {
      canaryOf(draft).headerPattern = value;
    },
    "expressions of RE2",
  ),
  "canary-by-cookie": text("routes.X.match.headers", (name, draft) => {
    if (!cookieName.test(name)) throw new BadValue("expected the name of a cookie");
    canaryOf(draft).cookie = name;
  }),
  "canary-weight": whole("routes.X.pools.weight", (weight, draft) => {
    canaryOf(draft).weight = weight;
  }),
  "canary-weight-total": whole("routes.X.pools.weight", (total, draft) => {
    if (total === 0) throw new BadValue("expected a number above 0");
    canaryOf(draft).total = total;
  }),
};
