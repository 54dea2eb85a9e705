import * as z from "zod";
import { applicationProtocols, hostName, path, starttls } from "./values.ts";

/** TLS to backends. */
export const tls = z.strictObject({
  verify: z
    .boolean({ error: "expected true or false" })
    .prefault(true)
    .describe("Whether a backend's certificate must be valid, be signed by a trusted CA and cover its name."),
  ca: path.optional().meta({
    description:
      "The CAs that may sign a backend's certificate, PEM. An intermediate CA counts without its root.",
    "x-default": "the system's",
  }),
  server_name: hostName.optional().meta({
    description: "The name that umay asks for (SNI) and that a backend's certificate must cover.",
    "x-default": "the name of dns discovery, or each backend's own host name, or its IP address",
  }),
  cert: path
    .optional()
    .describe("The certificate that umay shows to backends that ask for one, PEM, with its chain."),
  key: path.optional().describe("The private key that belongs to cert, PEM, not encrypted."),
  starttls: starttls.meta({
    description:
      "The protocol in which backends are asked for TLS first. One that does not agree is not used.",
    "x-default": "TLS begins at once",
  }),
  alpn: applicationProtocols.describe(
    "Application protocols (ALPN) that are offered, in order of preference. Empty: none is negotiated.",
  ),
});

export type PoolTlsSettings = z.output<typeof tls>;
