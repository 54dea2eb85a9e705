import { X509Certificate } from "node:crypto";
import type { AcmeClient } from "./client.ts";
import { AcmeError, asTable } from "./problem.ts";
import { renewalId } from "./x509.ts";

/** When a certificate is best renewed: a time within the window that its authority suggests (RFC 9773 section 4.2), unless that is too late. */
export interface Suggestion {
  /** In milliseconds since 1970. */
  readonly at: number;
  /** When the authority is to be asked again. */
  readonly askAgain: number;
  /** Where a human can read why; undefined: nowhere. */
  readonly explanation: string | undefined;
}

const minute = 60_000;
const hour = 60 * minute;
/** The bounds of the time until an authority is asked again (RFC 9773 section 4.3). */
const soonestAgain = minute;
const latestAgain = 24 * hour;
const usualAgain = 6 * hour;
/** The time after a rate limit of which the authority does not say when it ends. */
const rateLimited = hour;
/** Whatever an authority says, it is asked again after this time. */
const longestWait = 7 * 24 * hour;
/** However little time a certificate has, its order is not tried again sooner, in milliseconds. */
const shortestWait = 5_000;
/** A certificate with less lifetime than this is renewed after half of it, in milliseconds. */
const shortLife = 10 * 24 * hour;

/**
 * Asks the authority when a certificate is to be renewed.
 * @param chain in PEM. @param draw a number from 0 to 1, by which machines choose different times.
 * @returns undefined where it has no renewal information, or the certificate no name there. @throws AcmeError where it gives no answer that makes sense.
 */
export async function askWhen(
  client: AcmeClient,
  chain: string,
  draw: number,
): Promise<Suggestion | undefined> {
  const { renewalInfo } = await client.directory();
  const id = renewalId(chain);
  if (renewalInfo === undefined || id === undefined) return undefined;
  const { body, retryAfter = usualAgain } = await client.get(
    `${renewalInfo}/${id}`,
    "the renewal information",
  );
  const { start, end } = asTable(body["suggestedWindow"]);
  const [from, to] = [start, end].map((time) => Date.parse(String(time))) as [number, number];
  if (!(to > from)) throw new Error("the renewal information has no window");
  const { explanationURL: explanation } = body;
  return {
    at: Math.min(from + (to - from) * draw, latestTime(chain)),
    askAgain: Date.now() + Math.min(Math.max(retryAfter, soonestAgain), latestAgain),
    explanation: typeof explanation === "string" && URL.canParse(explanation) ? explanation : undefined,
  };
}

/** Without a suggestion: when a third of its lifetime is left, or half of a short one; up to 5 % of it sooner. */
export function usualTime(chain: string, draw: number): number {
  const { validFromDate, validToDate } = new X509Certificate(chain);
  const life = validToDate.getTime() - validFromDate.getTime();
  const left = life < shortLife ? life / 2 : life / 3;
  return validToDate.getTime() - left - life * 0.05 * draw;
}

/** However late an authority's window is: when a tenth of the lifetime is left. */
function latestTime(chain: string): number {
  const { validFromDate, validToDate } = new X509Certificate(chain);
  return validToDate.getTime() - (validToDate.getTime() - validFromDate.getTime()) / 10;
}

/**
 * The time until an order is tried again, in milliseconds: what the authority asks for, or longer.
 * Until a certificate that is served ends, it is at most half of the time that is left.
 * @param failures in a row, with this one. @param first the time after a first one, in milliseconds.
 * @param left the time until that end, in milliseconds; infinite where there is none.
 */
export function waitAfter(error: Error, failures: number, first: number, left: number): number {
  const asked =
    error instanceof AcmeError ? (error.retryAfter ?? (error.type === "rateLimited" ? rateLimited : 0)) : 0;
  const usual = backoffOf(failures, first) * (0.9 + 0.2 * Math.random());
  const soon = left > 0 ? Math.max(left / 2, shortestWait) : Number.POSITIVE_INFINITY;
  return Math.min(Math.max(asked, Math.min(usual, soon)), longestWait);
}

/** The time after a number of failures in a row, in milliseconds, but for ±10 %. Five within an hour are the most that Let's Encrypt allows. */
export function backoffOf(failures: number, first: number): number {
  return Math.min(first * 2 ** Math.min(failures - 1, 20), latestAgain);
}
