import * as z from "zod";
import { jwtAlgorithms } from "../../../../model/http/guard.ts";
import { clientRules } from "../client-auth.ts";
import { duration, path } from "../values.ts";
import { editableName, requestPath } from "./values.ts";

const mtls = z.strictObject({
  type: z.literal("mtls").describe("The client's certificate, which `client_auth` of the listener asks for."),
  allow: clientRules.optional().meta({
    description: "Which certificates to let in: rules as in `client_auth`; one that fits is enough.",
    "x-default": "all that the listener accepts",
  }),
});

const basic = z.strictObject({
  type: z.literal("basic").describe("User and password."),
  users_file: path.describe(
    "A file of `user:hash`, one a line, as `htpasswd -B` makes it: bcrypt or Argon2id. Changes count at once.",
  ),
  realm: z
    .string({ error: "expected a text" })
    .regex(/^[\x20\x21\x23-\x5b\x5d-\x7e]{1,128}$/, {
      error: "expected 1 to 128 characters of ASCII without quotation marks and backslashes",
    })
    .optional()
    .meta({
      description: "What clients show when they ask for the password.",
      "x-default": "the auth's name",
    }),
});

const copiedName = editableName.transform((text) => text.toLowerCase());

const forward = z.strictObject({
  type: z.literal("forward").describe("A server is asked about each request: 2xx lets in."),
  pool: z
    .string({ error: "expected the name of a pool" })
    .describe("The pool whose backends are asked, with a GET that has the fields of the request."),
  path: requestPath.describe(
    "The path that is asked for. X-Forwarded-Method, -Proto, -Host and -Uri have the request's own.",
  ),
  copy: z
    .array(copiedName, { error: 'expected a list of names, such as ["remote-user"]' })
    .max(32)
    .prefault([])
    .describe(
      "Fields of the answer that backends get. Fields that clients send under these names are removed, on every route of the listeners. The first says who the client is.",
    ),
  copy_response: z
    .array(copiedName, { error: 'expected a list of names, such as ["set-cookie"]' })
    .max(32)
    .prefault([])
    .describe("Fields of an answer with 2xx that clients get."),
  timeout: duration("1ms", "1m").prefault("5s").describe("Time for the whole answer."),
  on_failure: z
    .enum(["refuse", "pass"])
    .prefault("refuse")
    .describe(
      "What becomes of a request where there is no answer, or one with 5xx: 503, or it goes on without the fields.",
    ),
});

const some = (what: string, most = 32) =>
  z
    .array(z.string({ error: `expected ${what}` }).min(1, { error: `expected ${what}` }), {
      error: `expected a list with ${what}`,
    })
    .max(most);

/** Never printed: it may have a password in it. */
const keysUrl = z
  .string({ error: "expected a URL" })
  .transform((text, context) => {
    const url = URL.parse(text);
    if (url === null || !["http:", "https:"].includes(url.protocol))
      context.addIssue('is no URL; write one such as "https://issuer.example.com/jwks.json"');
    else if (url.username + url.password !== "")
      context.addIssue("has a user or a password in it, which is not sent");
    else return url.href;
    return z.NEVER;
  })
  .meta({ "x-type": "URL" });

const tokenPlace = z
  .string({ error: "expected a place of the token" })
  .regex(/^(?:bearer|(?:header|cookie|query):[^\s:;=,]{1,256})$/, {
    error: 'expected "bearer", "header:NAME", "cookie:NAME" or "query:NAME"',
  })
  .meta({ "x-type": "place" });

const jwt = z.strictObject({
  type: z.literal("jwt").describe("A signed token (JWT)."),
  keys_file: path
    .optional()
    .describe(
      "A file with the issuer's public keys (JWKS). Changes count at once. One of this and keys_url.",
    ),
  keys_url: keysUrl
    .optional()
    .describe("A URL of them. Each worker fetches them, again when a token names a key that is not there."),
  refresh: duration("10s", "1d").optional().meta({
    description: "keys_url: after this time keys are fetched again; old ones count meanwhile.",
    "x-default": '`"10m"`',
  }),
  algorithms: z
    .array(z.enum(jwtAlgorithms))
    .min(1, { error: "the list is empty; expected at least one algorithm" })
    .prefault(["RS256", "ES256", "EdDSA"])
    .describe("How tokens may be signed."),
  issuer: some("an issuer").optional().meta({
    description: "The token's iss is one of these.",
    "x-default": "not looked at",
  }),
  audience: some("an audience").optional().meta({
    description: "One of these is in the token's aud.",
    "x-default": "not looked at",
  }),
  skew: duration("0s", "10m").prefault("30s").describe("How far the issuer's clock may be from umay's."),
  from: z
    .array(tokenPlace, { error: 'expected a list of places, such as ["bearer", "cookie:token"]' })
    .min(1, { error: "the list is empty; expected at least one place" })
    .prefault(["bearer"])
    .describe(
      "Where a request may have its token; the first place that has one counts. bearer: Authorization.",
    ),
  claims: z
    .record(
      z.string().min(1),
      z.union([z.string(), some("a value")], { error: "expected a text or a list" }),
      {
        error: 'expected a table, such as { scope = "admin" }',
      },
    )
    .prefault({})
    .describe(
      "Claims that have to have this value, or one of these: 403 without. Dots lead into objects; scope is a list of words.",
    ),
  user: z
    .string({ error: "expected the name of a claim" })
    .min(1)
    .prefault("sub")
    .describe("The claim that says who the client is."),
});

/** A way in which clients show who they are. */
export const auth = z
  .discriminatedUnion("type", [basic, forward, jwt, mtls], {
    error: 'expected a table with type = "basic", "forward", "jwt" or "mtls"',
  })
  .describe("A way in which clients show who they are. Routes name the ones that let their requests in.");

export type AuthSettings = z.output<typeof auth>;

/** As many as there are places for in shared memory, with the rate limits. */
export const mostGuards = 1_024;
