import * as z from "zod";
import { applicationProtocols, hostName, path } from "./values.ts";

/** TLS to backends. */
export const tls = z.strictObject({
  verify: z
    .boolean({ error: "expected true or false" })
    .prefault(true)
    .describe("Whether a backend's certificate must be valid, vouched for by a CA and cover its name."),
  ca: path.optional().meta({
    description: "CA certificates that vouch for the backends, PEM.",
    "x-default": "the system's",
  }),
  server_name: hostName.optional().meta({
    description: "The name that is asked for (SNI) and that a backend's certificate must cover.",
    "x-default":
      "the name of dns discovery, or each backend's own host name; a backend that is an IP address is verified by that",
  }),
  cert: path
    .optional()
    .describe("The certificate that umay shows to backends that ask for one, PEM, with its chain."),
  key: path.optional().describe("The private key that belongs to cert, PEM, not encrypted."),
  alpn: applicationProtocols.describe(
    "Application protocols (ALPN) that are offered, in order of preference. Empty: none is negotiated.",
  ),
});

export type PoolTlsSettings = z.output<typeof tls>;
