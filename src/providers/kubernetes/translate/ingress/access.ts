import type { Cors } from "../../../../model/http/cors.ts";
import type { Annotations, Draft } from "./draft.ts";
import { BadValue, cidrs, flag, list, listOf, oneOf, seconds, server, text, token, whole } from "./values.ts";

/** As ingress-nginx has it by default. */
const usualCors: Cors = {
  origins: ["*"],
  methods: ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"],
  headers: [
    "dnt",
    "keep-alive",
    "user-agent",
    "x-requested-with",
    "if-modified-since",
    "cache-control",
    "content-type",
    "range",
    "authorization",
  ],
  expose: [],
  credentials: true,
  maxAge: 1_728_000_000,
};

const corsOf = (draft: Draft, change: Partial<Cors>): void => {
  if (draft.cors !== undefined) draft.cors = { ...draft.cors, ...change };
};

const origin = /^(?:\*|[a-z][a-z0-9+.-]*:\/\/(?:\*\.)?[a-z0-9._-]+(?::\d{1,5})?)$/;

const tokens = (values: readonly string[], what: string): readonly string[] => {
  if (!values.every((each) => token.test(each))) throw new BadValue(`expected the names of ${what}`);
  return values;
};

/** Annotations for access, in the order in which they are taken: `enable-cors` before the others of CORS. */
export const accessAnnotations: Annotations = {
  "allowlist-source-range": cidrs("routes.X.allow", (ranges, draft) => {
    draft.allow.push(...ranges);
  }),
  "whitelist-source-range": cidrs("routes.X.allow", (ranges, draft) => {
    draft.allow.push(...ranges);
  }),
  "denylist-source-range": cidrs("routes.X.deny", (ranges, draft) => {
    draft.deny.push(...ranges);
  }),
  satisfy: oneOf(["all"])("routes.X.auth", () => undefined, "only all: each of the rules has to let in"),
  "auth-type": oneOf(["basic", "digest"])("auth.X.type", (type, draft) => {
    if (type === "digest") throw new BadValue("umay has no digest authentication; use basic");
    draft.auth.isBasic = true;
  }),
  "auth-secret": text(
    "auth.X.users_file",
    (secret, draft) => {
      draft.auth.secret = secret;
    },
    "hashes of bcrypt and Argon2id; others are refused",
  ),
  "auth-secret-type": oneOf(["auth-file", "auth-map"])("auth.X.users_file", (type, draft) => {
    draft.auth.isMap = type === "auth-map";
  }),
  "auth-realm": text("auth.X.realm", (realm, draft) => {
    if (!/^[^"\\\p{Cc}]+$/u.test(realm)) throw new BadValue("has a quotation mark or a control character");
    draft.auth.realm = realm;
  }),
  "auth-url": server(
    "auth.X.pool",
    (target, draft) => {
      draft.auth.url = target;
    },
    "asked with GET; without variables; no address of umay's own machine",
  ),
  "auth-method": oneOf(["GET"])("auth.X.path", () => undefined, "only GET"),
  "auth-response-headers": list("auth.X.copy", (names, draft) => {
    draft.auth.copy = tokens(names, "headers").map((name) => name.toLowerCase());
  }),
  "auth-always-set-cookie": flag("auth.X.copy_response", (value, draft) => {
    draft.auth.copiesCookies = value;
  }),
  "auth-tls-secret": text("listeners.X.tls.client_auth.ca", (secret, draft) => {
    draft.clientTls.secret = secret;
  }),
  "auth-tls-verify-client": oneOf(["on", "off", "optional", "optional_no_ca"])(
    "listeners.X.tls.client_auth.mode",
    (mode, draft) => {
      if (mode === "optional_no_ca") throw new BadValue("umay lets in no certificate that it can't verify");
      draft.clientTls.mode = mode === "on" ? "require" : mode;
    },
  ),
  "auth-tls-match-cn": text(
    "listeners.X.tls.client_auth.allow",
    (pattern, draft) => {
      const [, name] = /^CN=([\w .@-]+)$/.exec(pattern) ?? [];
      if (name === undefined) throw new BadValue("expected CN= and a name, without an expression");
      draft.clientTls.names.push(`CN=${name}`);
    },
    "a name, no expression",
  ),
  "enable-cors": flag("routes.X.cors", (value, draft) => {
    draft.cors = value ? usualCors : undefined;
  }),
  "cors-allow-origin": list("routes.X.cors.origins", (origins, draft) => {
    const lower = origins.map((each) => each.toLowerCase());
    if (!lower.every((each) => origin.test(each)))
      throw new BadValue("expected origins, such as https://app.example.com");
    corsOf(draft, { origins: lower });
  }),
  "cors-allow-methods": text("routes.X.cors.methods", (methods, draft) => {
    corsOf(draft, { methods: tokens(listOf(methods), "methods") });
  }),
  "cors-allow-headers": list("routes.X.cors.headers", (names, draft) => {
    corsOf(draft, { headers: tokens(names, "headers").map((name) => name.toLowerCase()) });
  }),
  "cors-expose-headers": list("routes.X.cors.expose", (expose, draft) => {
    corsOf(draft, { expose: tokens(expose, "headers") });
  }),
  "cors-allow-credentials": flag("routes.X.cors.credentials", (credentials, draft) => {
    corsOf(draft, { credentials });
  }),
  "cors-max-age": seconds("routes.X.cors.max_age", (maxAge, draft) => {
    corsOf(draft, { maxAge });
  }),
  "limit-rps": whole(
    "rate_limits.X.rate",
    (rate, draft) => {
      draft.rate.perSecond = rate || undefined;
    },
    "answered with 429",
  ),
  "limit-rpm": whole(
    "rate_limits.X.rate",
    (rate, draft) => {
      draft.rate.perMinute = rate || undefined;
    },
    "answered with 429",
  ),
  "limit-burst-multiplier": whole("rate_limits.X.burst", (burst, draft) => {
    if (burst === 0) throw new BadValue("expected a number above 0");
    draft.rate.burst = burst;
  }),
  "limit-connections": whole(
    "rate_limits.X.concurrent",
    (most, draft) => {
      draft.rate.concurrent = most || undefined;
    },
    "requests under way, not connections; answered with 429",
  ),
};
