/*
 * Heads are texts with a character for each byte. Text of another origin, such as a claim or the name in a certificate,
 * becomes the bytes of its UTF-8 before it gets among them: whoever reads UTF-8 there could otherwise take one name for another.
 */

/** A text as its bytes in UTF-8, a character per byte. */
export const bytesOf = (text: string): string =>
  isAscii(text) ? text : Buffer.from(text).toString("latin1");

/** The text whose bytes these are, for people; bytes that are no UTF-8 become U+FFFD. @param bytes a character per byte. */
export const textIn = (bytes: string): string =>
  isAscii(bytes) ? bytes : Buffer.from(bytes, "latin1").toString();

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7f) return false;
  return true;
}
