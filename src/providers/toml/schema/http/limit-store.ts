import * as z from "zod";
import { duration, path } from "../values.ts";

const expected =
  'expected the URL of a Redis or Valkey, such as "redis://10.0.0.9:6379" or "rediss://limits.example.com/0"';

/** The parts of `redis://user:password@host:port/database`. */
interface StoreUrl {
  readonly text: string;
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
}

const usualPort = 6379;

/** @returns undefined where it is none. */
function readUrl(text: string): StoreUrl | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, hostname, port, pathname, search, hash, username, password } = new URL(text);
  const [, database] = /^\/?(\d{0,4})$/.exec(pathname) ?? [];
  const isPlain = search === "" && hash === "" && database !== undefined;
  if ((protocol !== "redis:" && protocol !== "rediss:") || hostname === "" || !isPlain) return undefined;
  try {
    return {
      text,
      secure: protocol === "rediss:",
      host: hostname.replace(/^\[(.*)\]$/, "$1"),
      port: port === "" ? usualPort : Number(port),
      username: decodeURIComponent(username) || undefined,
      password: decodeURIComponent(password) || undefined,
      database: Number(database),
    };
  } catch {
    return undefined;
  }
}

const url = z
  .string({ error: expected })
  .transform((text, context) => {
    const read = readUrl(text);
    if (read !== undefined) return read;
    context.addIssue(expected);
    return z.NEVER;
  })
  .meta({ "x-type": "redis or rediss URL" });

const text = z.string({ error: "expected a text" }).min(1, { error: "expected a text, got nothing" });

const storeTable = z.strictObject({
  url: url.describe(
    "Where it is: redis://host:port/database, or rediss:// for TLS. Port 6379 and database 0 unless it says otherwise.",
  ),
  username: text.optional().describe("The user, where the URL does not say it."),
  password: text
    .optional()
    .describe(
      `The password, where the URL does not say it; "\${NAME}" and "\${file:/path}" keep it out of this file.`,
    ),
  ca: path.optional().meta({
    description: "CAs that the store's certificate is to be of, with rediss.",
    "x-default": "those that Node knows",
  }),
  prefix: z
    .string({ error: "expected a text" })
    .regex(/^[^{}\s]{0,64}$/, { error: "expected up to 64 characters without blanks and braces" })
    .prefault("umay:")
    .describe("What the names of its keys begin with. Machines with the same one share their counts."),
  timeout: duration("10ms", "10s")
    .prefault("500ms")
    .describe("How long it may take to answer. No request waits for that."),
});

/** A Redis or Valkey in which machines share what has passed: its URL, or a table with more. */
export const limitStore = z.union([url, storeTable], { error: expected });

export type StoreTable = z.output<typeof storeTable>;

/** A URL means a table with nothing else. */
export const tableOf = (settings: z.output<typeof limitStore>): StoreTable =>
  "url" in settings ? settings : storeTable.parse({ url: settings.text });
