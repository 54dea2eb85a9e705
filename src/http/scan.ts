import { carriageReturn, lineFeed, targetBytes, tokenBytes, valueBytes } from "./bytes.ts";
import type { Detail } from "./fault.ts";
import { fieldId } from "./field-names.ts";
import type { Fields } from "./message.ts";
import { mostFields, SpanFields } from "./span-fields.ts";

/** Results of a scan in place of the head's end: the end is not there yet, or `scan.detail` has the fault. */
export const [needsMore, malformed] = [-1, -2];

/**
 * The findings of this thread's last scan. Use them before the next scan, and so before control goes back to the event
 * loop. Places count from the head's begin, in bytes.
 */
export const scan = {
  fields: SpanFields.create(),
  detail: "bad_request_line" as Detail,
  methodEnd: 0,
  targetEnd: 0,
  /** HTTP/1.x. */
  minor: 1,
  status: 0,
  phraseStart: 0,
  phraseEnd: 0,
  /** Fields that were dropped because their name has an underscore. */
  underscored: 0,
};

/** Sizes are in bytes. */
export interface HeadLimits {
  /** Of the whole head, its first line included. */
  readonly head: number;
  /** At most 256, whatever is set. */
  readonly fields: number;
  readonly underscores: Underscores;
}

export interface RequestLimits extends HeadLimits {
  readonly target: number;
}

/** The policy for fields whose name has an underscore, which some programs read as a hyphen. */
export type Underscores = "drop" | "refuse" | "pass";

const [tab, blank, colon, underscore, zero] = [0x09, 0x20, 0x3a, 0x5f, 0x30];
const versionPrefix = Buffer.from("HTTP/");

/**
 * Reads the head of a request (RFC 9112 sections 3 and 5) that begins at `start`, strictly: every line ends in CRLF, and
 * every byte is one that may stand where it stands.
 * @returns where the head ends, {@link needsMore} or {@link malformed}.
 */
export function scanRequest(bytes: Buffer, start: number, end: number, limits: RequestLimits): number {
  const last = Math.min(end, start + limits.head);
  const at = scanRequestLine(bytes, start, last, limits.target);
  return bounded(at < 0 ? at : scanFields(bytes, at, last, start, limits), last < end);
}

/** Reads the head of a response (RFC 9112 sections 4 and 5); otherwise as {@link scanRequest}. */
export function scanResponse(bytes: Buffer, start: number, end: number, limits: HeadLimits): number {
  const last = Math.min(end, start + limits.head);
  const at = scanStatusLine(bytes, start, last);
  return bounded(at < 0 ? at : scanFields(bytes, at, last, start, limits), last < end);
}

/** Reads trailers (RFC 9112 section 7.1.2) and the empty line behind them; otherwise as {@link scanRequest}. */
export function scanTrailers(bytes: Buffer, start: number, end: number, limits: HeadLimits): number {
  const last = Math.min(end, start + limits.head);
  return bounded(scanFields(bytes, start, last, start, limits), last < end);
}

/**
 * The fields of lines that umay made itself, to be used as those of a message, however many they are.
 * @param lines each with its CRLF, a character per byte.
 * @throws Error where they are no fields; it does not have their text, which may be secret.
 */
export function readFields(lines: string): Fields {
  const bytes = Buffer.from(`${lines}\r\n`, "latin1");
  const fields = SpanFields.create();
  const ofMessage = scan.fields;
  scan.fields = fields;
  const at = scanFields(bytes, 0, bytes.length, 0, ownLimits);
  scan.fields = ofMessage;
  if (at !== bytes.length) throw new Error(`lines of a head are no fields: ${scan.detail}`);
  return fields.retain();
}

const ownLimits: HeadLimits = {
  head: Number.POSITIVE_INFINITY,
  fields: Number.POSITIVE_INFINITY,
  underscores: "pass",
};

/**
 * Whether the bytes from `from` on may complete the head that begins at `start`, or spoil it. It keeps an incomplete head
 * from being read again from its begin with every piece.
 */
export function mayEndHead(bytes: Buffer, start: number, from: number, end: number): boolean {
  for (let at = from; at < end; at++) {
    if (bytes[at] !== lineFeed) continue;
    if (at - 2 < start || bytes[at - 1] !== carriageReturn || bytes[at - 2] === lineFeed) return true;
  }
  return false;
}

/** @param reached the limit on the head ended the scan. */
function bounded(at: number, reached: boolean): number {
  return at === needsMore && reached ? refuse("head_too_large") : at;
}

function refuse(detail: Detail): number {
  scan.detail = detail;
  return malformed;
}

/** @returns where the line behind it begins. */
function scanRequestLine(bytes: Buffer, start: number, end: number, mostTarget: number): number {
  let at = start;
  while (at < end && tokenBytes[bytes[at]!] === 1) at++;
  if (at === end) return needsMore;
  if (at === start || bytes[at] !== blank) return refuseAt(bytes, at, end, "bad_request_line");
  scan.methodEnd = at - start;
  const target = ++at;
  while (at < end && targetBytes[bytes[at]!] === 1) at++;
  if (at - target > mostTarget) return refuse("target_too_long");
  if (at === end) return needsMore;
  if (at === target || bytes[at] !== blank) return refuseAt(bytes, at, end, "bad_request_line");
  scan.targetEnd = at - start;
  at = scanVersion(bytes, at + 1, end, "bad_request_line");
  return at < 0 ? at : scanLineEnd(bytes, at, end, "bad_request_line");
}

/** @returns where the line behind it begins. */
function scanStatusLine(bytes: Buffer, start: number, end: number): number {
  let at = scanVersion(bytes, start, end, "bad_status_line");
  if (at < 0) return at;
  if (at < end && bytes[at] !== blank) return refuseAt(bytes, at, end, "bad_status_line");
  let status = 0;
  for (const last = ++at + 3; at < last; at++) {
    if (at >= end) return needsMore;
    const digit = bytes[at]! - zero;
    if (digit < 0 || digit > 9) return refuseAt(bytes, at, end, "bad_status_line");
    status = status * 10 + digit;
  }
  if (status < 100) return refuse("bad_status_line");
  scan.status = status;
  // Some servers leave out the blank before an empty phrase.
  if (at < end && bytes[at] === blank) at++;
  else if (at < end && bytes[at] !== carriageReturn) return refuseAt(bytes, at, end, "bad_status_line");
  scan.phraseStart = at - start;
  while (at < end && valueBytes[bytes[at]!] === 1) at++;
  scan.phraseEnd = at - start;
  return scanLineEnd(bytes, at, end, "bad_status_line");
}

/**
 * @param detail where it is no version 1.0 or 1.1.
 * @returns where the version ends.
 */
function scanVersion(bytes: Buffer, start: number, end: number, detail: Detail): number {
  let at = start;
  for (; at < start + versionPrefix.length; at++) {
    if (at >= end) return needsMore;
    if (bytes[at] !== versionPrefix[at - start]) return refuseAt(bytes, at, end, detail);
  }
  if (at + 2 >= end && isVersionBegin(bytes, at, end)) return needsMore;
  const [major, minor] = [bytes[at]! - zero, bytes[at + 2]! - zero];
  if (!isVersionBegin(bytes, at, at + 3)) return refuseAt(bytes, at, end, detail);
  if (major !== 1) return refuse(detail === "bad_request_line" ? "version_unsupported" : detail);
  if (minor > 1) return refuse(detail);
  scan.minor = minor;
  return at + 3;
}

/** Whether it is a digit, a point and a digit, as far as that is there. */
function isVersionBegin(bytes: Buffer, at: number, end: number): boolean {
  if (at < end && !isDigit(bytes[at]!)) return false;
  return (at + 1 >= end || bytes[at + 1] === 0x2e) && (at + 2 >= end || isDigit(bytes[at + 2]!));
}

const isDigit = (byte: number): boolean => byte >= zero && byte <= zero + 9;

/** Reads fields from `at` to the empty line behind them, and that too. @param start of the head. */
function scanFields(bytes: Buffer, at: number, end: number, start: number, limits: HeadLimits): number {
  const { fields } = scan;
  const most = limits === ownLimits ? limits.fields : Math.min(limits.fields, mostFields);
  fields.clear();
  scan.underscored = 0;
  while (at < end) {
    if (bytes[at] === carriageReturn) return endHead(bytes, at, end, start);
    const name = at;
    while (at < end && tokenBytes[bytes[at]!] === 1) at++;
    if (at === end) return needsMore;
    if (at === name || bytes[at] !== colon) return refuseName(bytes, name, at, end);
    const nameEnd = at++;
    while (at < end && (bytes[at] === blank || bytes[at] === tab)) at++;
    const value = at;
    while (at < end && valueBytes[bytes[at]!] === 1) at++;
    let valueEnd = at;
    at = scanLineEnd(bytes, at, end, "control_byte");
    if (at < 0) return at;
    while (valueEnd > value && (bytes[valueEnd - 1] === blank || bytes[valueEnd - 1] === tab)) valueEnd--;
    if (fields.count + scan.underscored === most) return refuse("too_many_fields");
    const id = fieldId(bytes, name, nameEnd);
    if (id === 0 && limits.underscores !== "pass" && hasUnderscore(bytes, name, nameEnd)) {
      if (limits.underscores === "refuse") return refuse("underscore_name");
      scan.underscored++;
    } else {
      fields.setName(name - start, nameEnd - start, id);
      fields.setValue(value - start, valueEnd - start, at - start);
    }
  }
  return needsMore;
}

function hasUnderscore(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === underscore) return true;
  return false;
}

/** @returns where what is behind the head begins. */
function endHead(bytes: Buffer, at: number, end: number, start: number): number {
  if (at + 1 >= end) return needsMore;
  if (bytes[at + 1] !== lineFeed) return refuse("bare_cr");
  scan.fields.text = bytes.toString("latin1", start, at + 2);
  return at + 2;
}

/** @returns where the next line begins. @param detail of what is wrong where another byte is there. */
function scanLineEnd(bytes: Buffer, at: number, end: number, detail: Detail): number {
  if (at >= end) return needsMore;
  if (bytes[at] === carriageReturn && at + 1 < end && bytes[at + 1] === lineFeed) return at + 2;
  return refuseAt(bytes, at, end, detail);
}

function refuseName(bytes: Buffer, start: number, at: number, end: number): number {
  const isBlank = bytes[at] === blank || bytes[at] === tab;
  if (isBlank) return refuse(at === start ? "obs_fold" : "blank_before_colon");
  return refuseAt(bytes, at, end, "bad_field_name");
}

/** @param detail of what is wrong, where the byte would be a sound one elsewhere. */
function refuseAt(bytes: Buffer, at: number, end: number, detail: Detail): number {
  const byte = bytes[at]!;
  if (byte === lineFeed) return refuse("bare_lf");
  if (byte === carriageReturn) {
    if (at + 1 >= end) return needsMore;
    return refuse(bytes[at + 1] === lineFeed ? detail : "bare_cr");
  }
  return refuse(byte < blank || byte === 0x7f ? "control_byte" : detail);
}
