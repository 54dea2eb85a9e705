import * as z from "zod";
import { acmeKeyTypes, challengeTypes } from "../../../model/acme.ts";
import { duration, nameserver, path, serverNamePattern } from "./values.ts";

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

const commandExpected = 'expected a list with the program and its arguments, such as ["/etc/umay/dns-hook"]';
const oneText = /^[^\0]*$/;

const dns = z.strictObject({
  command: z
    .array(
      z
        .string({ error: "expected a text" })
        .min(1, { error: "expected a text, got nothing" })
        .regex(oneText, { error: "expected a text without a NUL" }),
      { error: commandExpected },
    )
    .min(1, { error: commandExpected })
    .max(32, { error: "expected at most 32 arguments" })
    .describe(
      "The program that changes the zone, as a path, and its arguments. It is started without a shell, and gets three more: set or unset, the name of the record, and its value.",
    ),
  environment: z
    .record(
      z
        .string()
        .regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, { error: "expected the name of an environment variable" }),
      z.string({ error: "expected a text" }).regex(oneText, { error: "expected a text without a NUL" }),
      { error: 'expected a table, such as { ZONE = "example.com" }' },
    )
    .prefault({})
    .describe("The program's variables. It has none of umay's own; PATH has the usual folders."),
  timeout: duration("1s", "10m")
    .prefault("1m")
    .describe("Time that the program may take. Then it is killed, with all that it has started."),
  propagation: duration("0s", "10m")
    .prefault("2m")
    .describe(
      "The longest time until the nameservers show the record. Then the authority is asked all the same. 0s: nobody looks.",
    ),
  nameservers: z
    .array(nameserver, { error: 'expected a list of DNS servers, such as ["127.0.0.1:53"]' })
    .min(1, { error: "expected at least one DNS server; leave the key out to ask the system's" })
    .max(8, { error: "expected at most 8 DNS servers" })
    .optional()
    .meta({
      description:
        "DNS servers where the record is looked for, in order, each an IP address with or without a port.",
      "x-default": "the system's",
    }),
});

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
      "Time that machines which share the storage have to see a challenge, before the authority looks. dns-01 has dns.propagation.",
    ),
  dns: dns.optional().describe("How records of DNS are set, for listeners with dns-01."),
});

export type AcmeTable = z.output<typeof acme>;

export const listenerAcme = z.strictObject({
  names: z
    .array(serverNamePattern, { error: 'expected a list of names, such as ["www.example.com"]' })
    .min(1, { error: "expected at least one name" })
    .max(10_000, { error: "expected at most 10000 names" })
    .describe(
      "The names. Each has a certificate of its own, but a wildcard, which needs dns-01, shares one with the name above it.",
    ),
  challenge: z
    .enum(challengeTypes)
    .prefault("tls-alpn-01")
    .describe(
      "How the authority is shown that the names are ours: tls-alpn-01 on this listener, which it must reach as port 443; http-01 on any http listener, which it must reach as port 80; dns-01 in DNS, as acme.dns says.",
    ),
});
