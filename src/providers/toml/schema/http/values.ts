import { isIP } from "node:net";
import { domainToASCII } from "node:url";
import * as z from "zod";
import { isEditable } from "../../../../http/edits.ts";
import { hostOf } from "../../../../http/uri/authority.ts";
import { normalisePath } from "../../../../http/uri/path.ts";
import { parseSize } from "../../../../lib/size.ts";
import { parseTemplate } from "../../../../model/http/template.ts";

/*
 * The kinds of values that keys of HTTP hold. Messages continue a sentence that begins with the key.
 */

/** A text whose meaning `read` gives, or what is wrong with it. */
export function read<T>(expected: string, type: string, reader: (text: string) => T | { problem: string }) {
  return z
    .string({ error: expected })
    .transform((text, context): T => {
      const value = reader(text);
      if (typeof value !== "object" || value === null || !("problem" in value)) return value as T;
      context.addIssue(`${JSON.stringify(text)} ${value.problem}`);
      return z.NEVER;
    })
    .meta({ "x-type": type });
}

/** A whole number of bytes, or a text with a unit; becomes bytes. */
export function size(min: string, max: string) {
  const expected = `expected a size from "${min}" to "${max}", such as 4096, "64KiB" or "10MiB"`;
  return z
    .union([z.int({ error: expected }), z.string({ error: expected })], { error: expected })
    .transform((value, context) => {
      const bytes = typeof value === "number" ? value : parseSize(value);
      if (bytes >= parseSize(min) && bytes <= parseSize(max)) return bytes;
      context.addIssue(expected);
      return z.NEVER;
    })
    .meta({ "x-type": `size, ${min} to ${max}` });
}

/** RFC 9110 section 5.6.2. */
const token = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}$/;

export const method = z
  .string({ error: "expected a method" })
  .regex(token, { error: 'expected a method, such as "GET"' })
  .refine((text) => text !== "CONNECT" && text !== "TRACE", {
    error: "expected another method: umay answers CONNECT and TRACE itself, with 405",
  })
  .meta({ "x-type": "method" });

/** The name of a header field; becomes lower case. */
export const fieldName = read("expected the name of a header field", "field name", (text) =>
  token.test(text) ? text.toLowerCase() : { problem: "is no name of a header field (RFC 9110)" },
);

/** One that may be changed: not one that decides where a message goes or ends. */
export const editableName = z
  .string()
  .refine((text) => isEditable(text), {
    error:
      "expected the name of a header field that may be changed: not Host, Connection, Content-Length and the like",
  })
  .meta({ "x-type": "field name" });

export const removedName = z
  .string({ error: "expected the name of a header field" })
  .refine((text) => isEditable(text), {
    error:
      'expected the name of a header field that may be removed, or how such names begin, as in "x-internal-*"',
  })
  .transform((text) => text.toLowerCase())
  .meta({ "x-type": "field name" });

/** A field's value with variables. */
export const template = z
  .string({ error: "expected a text" })
  .transform((text, context) => {
    const parsed = parseTemplate(text);
    const unfit = "problem" in parsed ? parsed : controlCharacter(text);
    if (unfit === undefined && !("problem" in parsed)) return parsed;
    context.addIssue({ code: "custom", message: unfit!.problem, params: { hint: unfit!.hint } });
    return z.NEVER;
  })
  .meta({ "x-type": "text with variables" });

function controlCharacter(text: string): { problem: string; hint: string | undefined } | undefined {
  const found = [...text].some((letter) => (letter < " " && letter !== "\t") || letter === "\x7f");
  return found
    ? { problem: "has a control character, which no header field may", hint: undefined }
    : undefined;
}

/** A status that says that something went wrong, or a range of them, both ends included. */
export const failureStatus = /^[45]\d\d(?:-[45]\d\d)?$/;

/** In normal form. */
export const requestPath = read("expected a path that begins with /", "path of a request", (text) => {
  if (!text.startsWith("/")) return { problem: "does not begin with /" };
  if (/[?#]/.test(text)) return { problem: "has a query or a fragment; a path ends before them" };
  const path = normalisePath(text);
  if (typeof path === "string") return path;
  if (path.detail === "above_root") return { problem: "leads above the root" };
  if (path.detail === "bad_percent") return { problem: "has a % without two hexadecimal digits; write %25" };
  return { problem: `has characters that no path has; write "${encodeURI(text)}"` };
});

/** The same as a prefix: without a slash at its end. */
export const pathPrefix = requestPath.transform((path) => path.replace(/\/$/, ""));

/** Of names in lower case: those that DNS may have, or a machine's own table. */
const hostLabels = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;

/** A host of requests, lower case, Unicode names as A-labels: a name, `*.name` for all below it, or an IP address. */
export const requestHost = read("expected a host", "host", (text) => {
  const wildcard = text.startsWith("*.");
  const name = wildcard ? text.slice(2) : text;
  const ascii = /\P{ASCII}/u.test(name) ? domainToASCII(name) : name;
  const bracketed = isIP(ascii) === 6 ? `[${ascii}]` : ascii;
  const host = hostOf(bracketed);
  const isHost = host !== undefined && (host.startsWith("[") || (hostLabels.test(host) && host !== "_"));
  if (!isHost)
    return {
      problem: 'is no host; expected a name, such as "api.example.com" or "*.example.com", or an IP address',
    };
  if (/:\d+$/.test(bracketed)) return { problem: "has a port, which routes do not look at; remove it" };
  if (wildcard && isIP(host.replace(/^\[|\]$/g, "")) !== 0)
    return { problem: "is no name that has others below it" };
  return wildcard ? `*.${host}` : host;
});

/** The value of Host: a host with or without a port. */
export const authority = read("expected a host", "host", (text) =>
  hostOf(text) === undefined ? { problem: "is no host, with or without a port" } : text.toLowerCase(),
);

export const mediaType = z
  .string({ error: "expected a media type" })
  .regex(/^[!#$%&'*+.^_`|~\w-]+\/[!#$%&'*+.^_`|~\w-]+(?:[\t ]*;[\t\x20-\x7e]*)?$/, {
    error: 'expected a media type, such as "text/html; charset=utf-8"',
  })
  .meta({ "x-type": "media type" });
