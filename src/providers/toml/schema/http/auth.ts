import * as z from "zod";
import { clientRules } from "../client-auth.ts";

const mtls = z.strictObject({
  type: z.literal("mtls").describe("The client's certificate, which `client_auth` of the listener asks for."),
  allow: clientRules.optional().meta({
    description: "Which certificates to let in: rules as in `client_auth`; one that fits is enough.",
    "x-default": "all that the listener accepts",
  }),
});

/** A way in which clients show who they are. */
export const auth = z
  .discriminatedUnion("type", [mtls], { error: 'expected a table with type = "mtls"' })
  .describe("A way in which clients show who they are. Routes name the ones that let their requests in.");

export type AuthSettings = z.output<typeof auth>;

/** As many as there are places for in shared memory, with the rate limits. */
export const mostGuards = 1_024;
