/** Which bytes may stand where: each table has 1 at those that may, else 0. */
function tableOf(allowed: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (allowed(byte) ? 1 : 0));
}

const isLetterOrDigit = (byte: number): boolean => /[0-9A-Za-z]/.test(String.fromCharCode(byte));
const isOneOf = (text: string) => (byte: number) => text.includes(String.fromCharCode(byte));

/** RFC 9110 section 5.6.2. */
export const tokenBytes = tableOf((byte) => isLetterOrDigit(byte) || isOneOf("!#$%&'*+-.^_`|~")(byte));
/** RFC 9110 section 5.5: the bytes of a field's value, blanks included. */
export const valueBytes = tableOf((byte) => byte === 0x09 || (byte >= 0x20 && byte !== 0x7f));
/** Bytes that a target may have at all. `uri/` knows which of its parts may have which of them. */
export const targetBytes = tableOf((byte) => byte > 0x20 && byte < 0x7f);
/** All but the begin of a fragment: clients send more in queries than RFC 3986 section 3.4 allows. */
export const queryBytes = tableOf((byte) => byte > 0x20 && byte < 0x7f && byte !== 0x23);
/** RFC 3986 section 2.3. */
export const unreservedBytes = tableOf((byte) => isLetterOrDigit(byte) || isOneOf("-._~")(byte));
/** RFC 3986 section 3.3: a segment's characters that stand for themselves, and the slash. */
export const pathBytes = tableOf((byte) => unreservedBytes[byte] === 1 || isOneOf("!$&'()*+,;=:@/")(byte));
/** The value of a hexadecimal digit; 255 for any other byte. */
export const hexValues = Uint8Array.from({ length: 256 }, (_, byte) => {
  const value = Number.parseInt(String.fromCharCode(byte), 16);
  return Number.isNaN(value) ? 255 : value;
});

export const carriageReturn = 0x0d;
export const lineFeed = 0x0a;

const [zero, nine] = [0x30, 0x39];

/** Digits of the longest number that is read: 999,999,999,999,999 is exact in a double. */
const mostDigits = 15;

/** @returns the number that 1 to 15 decimal digits and nothing else stand for; -1 for any other text. */
export function readDecimal(text: string): number {
  if (text.length === 0 || text.length > mostDigits) return -1;
  let value = 0;
  for (let at = 0; at < text.length; at++) {
    const byte = text.charCodeAt(at);
    if (byte < zero || byte > nine) return -1;
    value = value * 10 + byte - zero;
  }
  return value;
}

/** Whether the text from `start` to `end` is that word, whatever its case. @param lower in lower case. */
export function isWord(text: string, start: number, end: number, lower: string): boolean {
  return end - start === lower.length && beginsWithWord(text, start, end, lower);
}

/** Whether the text from `start` to `end` begins with that word, whatever its case. */
export function beginsWithWord(text: string, start: number, end: number, lower: string): boolean {
  if (end - start < lower.length) return false;
  for (let at = 0; at < lower.length; at++) {
    const byte = text.charCodeAt(start + at);
    const isUpper = byte >= 0x41 && byte <= 0x5a;
    if ((isUpper ? byte | 0x20 : byte) !== lower.charCodeAt(at)) return false;
  }
  return true;
}

const [comma, blank, tab] = [0x2c, 0x20, 0x09];
const isBlank = (byte: number): boolean => byte === blank || byte === tab;

/**
 * Calls back for each element of a list (RFC 9110 section 5.6.1), without the blanks around it; empty ones are passed
 * over. Commas within quotes part elements too, as in a list of tokens.
 * @returns whether a callback returned true, which ends the walk.
 */
export function someElement(list: string, each: (start: number, end: number) => boolean): boolean {
  for (let at = 0; at < list.length; at++) {
    while (isBlank(list.charCodeAt(at))) at++;
    const start = at;
    while (at < list.length && list.charCodeAt(at) !== comma) at++;
    let end = at;
    while (end > start && isBlank(list.charCodeAt(end - 1))) end--;
    if (end > start && each(start, end)) return true;
  }
  return false;
}

/** Whether a list of tokens has that one, whatever its case. @param lower in lower case. */
export function hasToken(list: string, lower: string): boolean {
  if (list.length < lower.length) return false;
  return (
    isWord(list, 0, list.length, lower) || someElement(list, (start, end) => isWord(list, start, end, lower))
  );
}
