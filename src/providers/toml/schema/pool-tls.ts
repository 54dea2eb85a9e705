import { isIP } from "node:net";
import * as z from "zod";
import type { BackendName } from "../../../model/pool.ts";
import { applicationProtocols, hostName, noPin, parsePin, path, spiffeId, starttls } from "./values.ts";

/** RFC 3986 section 3.1. */
const scheme = /^[a-z][a-z0-9+.-]*:\/\//i;

function parseName(text: string): BackendName | string {
  if (scheme.test(text))
    return text.startsWith("spiffe://") && !spiffeId.test(text)
      ? 'is no SPIFFE ID; expected "spiffe://trust.domain/path", with "/*" at the end for every path below'
      : { kind: "uri", uri: text };
  const name = isIP(text) === 0 ? hostName.safeParse(text) : undefined;
  if (name?.success !== false) return { kind: "host", host: text.toLowerCase() };
  return 'is no name of a certificate; expected a host name, an IP address, or a URI such as "spiffe://trust.domain/path"';
}

const backendName = z
  .string({ error: "expected a name" })
  .transform((text, context) => {
    const name = parseName(text);
    if (typeof name !== "string") return name;
    context.addIssue(`${JSON.stringify(text)} ${name}`);
    return z.NEVER;
  })
  .meta({ "x-type": "name" });

const pin = z
  .string({ error: "expected a pin" })
  .transform((text, context) => {
    const parsed = parsePin(text.replace(/^sha256:/, ""));
    if (parsed !== undefined) return parsed;
    context.addIssue(`${JSON.stringify(text)} ${noPin}`);
    return z.NEVER;
  })
  .meta({ "x-type": "pin" });

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
  verify_names: z
    .array(backendName, { error: 'expected a list of names, such as ["db.internal"]' })
    .min(1, { error: "expected at least one name" })
    .optional()
    .meta({
      description:
        'Names of which a backend\'s certificate must have one: host names, IP addresses, or URIs such as "spiffe://trust.domain/path", with "/*" at the end for every path below. server_name is only sent then.',
      "x-default": "server_name",
    }),
  pins: z
    .array(pin, { error: "expected a list of pins" })
    .min(1, { error: "expected at least one pin" })
    .optional()
    .meta({
      description:
        "SHA-256 of public keys, base64 or hexadecimal: a backend's certificate must have one of them. With verify = false nothing else of the certificate counts.",
      "x-default": "any key",
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
