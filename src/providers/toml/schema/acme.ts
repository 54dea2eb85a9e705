import { isIP } from "node:net";
import * as z from "zod";
import { canonicalName } from "../../../lib/host-name.ts";
import { acmeKeyTypes, challengeTypes } from "../../../model/acme.ts";
import { duration, hostName, path } from "./values.ts";

/** The directories of Let's Encrypt, by the words for them. */
export const knownDirectories = {
  staging: "https://acme-staging-v02.api.letsencrypt.org/directory",
  letsencrypt: "https://acme-v02.api.letsencrypt.org/directory",
} as const;

const directoryExpected = 'expected "staging", "letsencrypt" or the https URL of a directory';

/** Becomes a URL. */
const directory = z
  .string({ error: directoryExpected })
  .transform((text, context) => {
    if (text in knownDirectories) return knownDirectories[text as keyof typeof knownDirectories];
    if (URL.canParse(text) && new URL(text).protocol === "https:") return new URL(text).href;
    context.addIssue(directoryExpected);
    return z.NEVER;
  })
  .meta({ "x-type": '`"staging"`, `"letsencrypt"` or https URL' });

const contactExpected = 'expected an address of mail, such as "ops@example.com"';

export const acme = z.strictObject({
  directory: directory
    .prefault("staging")
    .describe(
      "Who issues: staging and letsencrypt are Let's Encrypt's; staging issues certificates that no client trusts, to try a configuration out.",
    ),
  trial_directory: directory.optional().meta({
    description:
      "Where an order is tried first after one failed, so that the limits of the real one are not used up.",
    "x-default": "Let's Encrypt's staging, where directory is letsencrypt",
  }),
  terms_agreed: z
    .literal(true, {
      error: "expected true: the authority issues only to those who agree to its terms of service",
    })
    .describe("Whether you agree to the authority's terms of service. It must be true."),
  contact: z
    .array(
      z
        .string({ error: contactExpected })
        .regex(/^[^\s@,?]{1,64}@[^\s@,?]{1,255}$/, { error: contactExpected }),
      { error: 'expected a list, such as ["ops@example.com"]' },
    )
    .max(10, { error: "expected at most 10 addresses" })
    .prefault([])
    .describe("Addresses of mail that the authority may write to."),
  storage: path
    .prefault("acme")
    .describe(
      "The folder of accounts, keys and certificates. It is made where it is missing, and only umay's user may read it. Machines that share it share all of that.",
    ),
  ca: path.optional().meta({
    description: "The CAs of the directory's own certificate, PEM, for an authority of your own.",
    "x-default": "those that Node knows",
  }),
  external_account: z
    .strictObject({
      key_id: z
        .string({ error: "expected the id of a key" })
        .min(1, { error: "expected the id of a key, got nothing" })
        .describe("The key's id, as the authority gave it."),
      hmac_key_file: path.describe("A file with the HMAC key in base64url, as the authority gave it."),
    })
    .optional()
    .describe("The account with the authority that the new one belongs to, where it asks for that."),
  key_type: z
    .enum(acmeKeyTypes)
    .prefault("p256")
    .describe("The keys of certificates: ECDSA on P-256 or P-384, or RSA. Each certificate gets a new one."),
  profile: z
    .string({ error: "expected the name of a profile" })
    .regex(/^[\x21-\x7e]{1,64}$/, { error: "expected the name of a profile" })
    .optional()
    .meta({
      description: "A profile of the authority, such as shortlived.",
      "x-default": "the authority's own",
    }),
  propagation: duration("0s", "10m")
    .prefault("2s")
    .describe(
      "Time that machines which share the storage have to see a challenge, before the authority looks.",
    ),
});

export type AcmeTable = z.output<typeof acme>;

/** A name that can be proven without a change of DNS. Becomes lower case. */
const ownName = hostName
  .refine((text) => isIP(text) === 0 && !text.startsWith("*"), {
    error:
      "expected a host name without a wildcard; wildcards and addresses need challenges that umay has not",
  })
  .transform(canonicalName);

export const listenerAcme = z.strictObject({
  names: z
    .array(ownName, { error: 'expected a list of names, such as ["www.example.com"]' })
    .min(1, { error: "expected at least one name" })
    .max(10_000, { error: "expected at most 10000 names" })
    .describe("The names. Each has a certificate of its own."),
  challenge: z
    .enum(challengeTypes)
    .prefault("tls-alpn-01")
    .describe(
      "How the authority is shown that the names are ours: tls-alpn-01 on this listener, which it must reach as port 443; http-01 on any http listener, which it must reach as port 80.",
    ),
});
