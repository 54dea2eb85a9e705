import { isIP } from "node:net";
import { type Cidr, parseCidr } from "../../../../lib/cidr.ts";
import { isNear } from "../../../../lib/own-addresses.ts";
import type { Annotation, AnnotationContext, Draft } from "./draft.ts";

/*
 * Values of annotations, as ingress-nginx writes them.
 */

/** A value that an annotation can't have. Its message is the end of a sentence that begins with the value. */
export class BadValue extends Error {
  override readonly name = "BadValue";
}

/** @throws BadValue */
type Take<T> = (value: T, draft: Draft, context: AnnotationContext) => void;

const taker =
  <T>(read: (text: string) => T | undefined, expected: string) =>
  (key: string, take: Take<T>, note?: string): Annotation => ({
    key,
    ...(note !== undefined && { note }),
    take: (text, draft, context) => {
      const value = read(text.trim());
      if (value === undefined) throw new BadValue(`expected ${expected}`);
      take(value, draft, context);
    },
  });

const words: Readonly<Record<string, boolean>> = { true: true, false: false };

export const flag = taker((text) => words[text.toLowerCase()], "true or false");

export const text = taker((value) => (value === "" ? undefined : value), "a text");

const wholeNumber = (value: string): number | undefined =>
  /^\d{1,9}$/.test(value) ? Number(value) : undefined;

export const whole = taker(wholeNumber, "a whole number");

/** In seconds; becomes milliseconds. */
export const seconds = taker((value) => {
  const number = wholeNumber(value.replace(/s$/, ""));
  return number === undefined || number > 2_000_000 ? undefined : number * 1_000;
}, "a number of seconds");

const units: Readonly<Record<string, number>> = { "": 1, k: 1_024, m: 1_048_576, g: 1_073_741_824 };

/** `8m` and the like; becomes bytes. */
export const size = taker((value) => {
  const [, number, unit = ""] = /^(\d{1,12})([kmg]?)$/.exec(value.toLowerCase()) ?? [];
  return number === undefined ? undefined : Number(number) * units[unit]!;
}, "a size, such as 8m");

export const listOf = (value: string): string[] =>
  value
    .split(/[,\s]+/)
    .map((part) => part.trim())
    .filter((part) => part !== "");

export const list = taker(listOf, "a list, with commas");

export const cidrs = taker((value) => {
  const parsed = listOf(value).map(parseCidr);
  const good = parsed.filter((each) => typeof each !== "string");
  return good.length === parsed.length ? good.map(({ cidr }): Cidr => cidr) : undefined;
}, "addresses or ranges of them, with commas");

function parseUrl(value: string): URL | undefined {
  const parsed = value.includes("$") || !URL.canParse(value) ? undefined : new URL(value);
  return parsed?.protocol === "http:" || parsed?.protocol === "https:" ? parsed : undefined;
}

export const url = taker(parseUrl, "a URL of http or https without variables");

/** RFC 1123 section 2.1, in lower case, with the underscore that many resolvers' names have. */
export const isHostName = (name: string): boolean =>
  name.length <= 253 && name.split(".").every((label) => /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/.test(label));

/** RFC 9110 section 5.6.2, the name of a header or a method among others. */
export const token = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

export const cookieName = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/;

/** The host of a URL; an IPv6 address without its brackets. */
export const bareHost = ({ hostname }: URL): string =>
  hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;

/** A URL of a server on another machine. */
export const server = taker((value) => {
  const parsed = parseUrl(value);
  if (parsed === undefined) return undefined;
  const host = bareHost(parsed);
  return isIP(host) === 0 ? (isHostName(host) ? parsed : undefined) : isNear(host) ? undefined : parsed;
}, "a URL of http or https, without variables, of another machine");

/** One of some words. */
export const oneOf = <const Word extends string>(allowed: readonly Word[]) =>
  taker((value) => allowed.find((word) => word.toLowerCase() === value.toLowerCase()), allowed.join(", "));

/** Its only value is the one that umay has always. */
export const always = (value: string, why: string): Annotation => ({
  key: "–",
  note: why,
  take: (given) => {
    if (given.trim().toLowerCase() !== value) throw new BadValue(`umay can only have ${value}: ${why}`);
  },
});
