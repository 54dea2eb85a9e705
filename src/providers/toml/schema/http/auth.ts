import * as z from "zod";
import { clientRules } from "../client-auth.ts";
import { path } from "../values.ts";

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

/** A way in which clients show who they are. */
export const auth = z
  .discriminatedUnion("type", [basic, mtls], { error: 'expected a table with type = "basic" or "mtls"' })
  .describe("A way in which clients show who they are. Routes name the ones that let their requests in.");

export type AuthSettings = z.output<typeof auth>;

/** As many as there are places for in shared memory, with the rate limits. */
export const mostGuards = 1_024;
