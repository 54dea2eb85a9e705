import * as z from "zod";
import { formatCidr, parseCidr } from "../../../lib/cidr.ts";
import { parseDistinguishedName } from "../../../lib/distinguished-name.ts";
import type { ClientRule } from "../../../model/client-auth.ts";
import { noPin, parsePin, path, serverNamePattern, spiffeId } from "./values.ts";

/** @returns the rule, or the fault of the text as the end of a sentence that begins with the text. */
function parseRule(text: string): ClientRule | string {
  const [, kind, value = ""] = /^(spiffe|dns|ip|subject|sha256):(.*)$/s.exec(text) ?? [];
  switch (kind) {
    case "spiffe":
      return spiffeId.test(text)
        ? { kind, id: text }
        : 'is no SPIFFE ID; expected "spiffe://trust.domain/path", with "/*" at the end for every path below';
    case "dns": {
      const name = serverNamePattern.safeParse(value);
      return name.success ? { kind, name: name.data } : name.error.issues[0]!.message;
    }
    case "ip": {
      const parsed = parseCidr(value);
      if (typeof parsed === "string") return parsed;
      return parsed.trimmed
        ? `has bits behind the prefix; did you mean ip:${formatCidr(parsed.cidr)}?`
        : { kind, range: parsed.cidr };
    }
    case "subject": {
      const attributes = parseDistinguishedName(value);
      return attributes === undefined
        ? 'is no distinguished name; expected attributes such as "subject:CN=alice,O=Acme" (a comma in a value is \\,)'
        : { kind, attributes };
    }
    case "sha256": {
      const pin = parsePin(value);
      return pin === undefined ? noPin : { kind, pin };
    }
    default:
      return 'names no kind of rule; expected "spiffe://…", "dns:…", "ip:…", "subject:…" or "sha256:…"';
  }
}

const clientRule = z
  .string({ error: "expected a rule" })
  .transform((text, context) => {
    const rule = parseRule(text);
    if (typeof rule !== "string") return rule;
    context.addIssue(`${JSON.stringify(text)} ${rule}`);
    return z.NEVER;
  })
  .meta({ "x-type": "rule" });

export const clientRules = z
  .array(clientRule, { error: 'expected a list of rules, such as ["spiffe://example.org/web"]' })
  .min(1, { error: "expected at least one rule" });

export const clientAuth = z.strictObject({
  mode: z
    .enum(["none", "optional", "require"])
    .prefault("require")
    .describe(
      "require: a client must send a certificate of one of the CAs. optional: it may send none, but a sent certificate must be good. none: it is not asked.",
    ),
  ca: path.optional().meta({
    description:
      "The CAs that may issue client certificates, PEM. An intermediate CA counts without its root, unless crl is set.",
    "x-default": "required unless mode is none, or allow has nothing but keys",
  }),
  crl: path
    .optional()
    .describe(
      "Revocation lists, PEM: one of every CA up to the root, which must be in ca. An expired list refuses the clients of its CA.",
    ),
  allow: clientRules.optional().meta({
    description:
      'Which certificates of these CAs to let in: "spiffe://trust.domain/path", "dns:name" (with "/*" or "*." for all below), "ip:address" or "ip:range", "subject:CN=name,O=…" (all of these attributes), "sha256:pin" of the public key. Without ca only keys count.',
    "x-default": "everyone",
  }),
});

export type ClientAuthSettings = z.output<typeof clientAuth>;
