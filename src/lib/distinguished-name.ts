/**
 * The attributes of a distinguished name in the notation of RFC 4514 (`CN=Doe\, John,O=Acme`), or with one attribute a
 * line, as Node writes subjects. Types become upper case, escapes are undone, the order stays.
 * @returns `TYPE=value` of each attribute; undefined when the text is no such name.
 */
export function parseDistinguishedName(text: string): readonly string[] | undefined {
  const attributes: string[] = [];
  for (const part of splitUnescaped(text)) {
    const attribute = readAttribute(part);
    if (attribute === undefined) return undefined;
    attributes.push(attribute);
  }
  return attributes;
}

const attributeType = /^(?:[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+)$/;

function readAttribute(part: string): string | undefined {
  const equals = part.indexOf("=");
  const type = part.slice(0, Math.max(equals, 0)).trim();
  const value = trimUnescaped(part.slice(equals + 1));
  if (value === undefined || !attributeType.test(type)) return undefined;
  return `${type.toUpperCase()}=${unescapeValue(value)}`;
}

/** @returns undefined where a backslash at the end escapes nothing. */
function trimUnescaped(text: string): string | undefined {
  const value = text.trim();
  let backslashes = 0;
  while (value.at(-1 - backslashes) === "\\") backslashes++;
  if (backslashes % 2 === 0) return value;
  // The backslash escapes the first of the spaces that were cut off.
  const start = text.length - text.trimStart().length;
  const escaped = text[start + value.length];
  return escaped === undefined ? undefined : value + escaped;
}

/** At commas, line ends, and the `+` between attributes that form one part of the name. */
function splitUnescaped(text: string): string[] {
  const parts = [""];
  for (const [piece] of text.matchAll(/\\.|[^\\]|\\$/gs))
    if (piece === "," || piece === "+" || piece === "\n") parts.push("");
    else parts[parts.length - 1] += piece;
  return parts;
}

/** `\,` is a comma, `\C3\A4` the bytes of a character in UTF-8. */
function unescapeValue(value: string): string {
  return value.replace(/(?:\\[0-9a-fA-F]{2})+|\\(.)/gs, (escaped, plain: string | undefined) =>
    plain !== undefined ? plain : Buffer.from(escaped.replaceAll("\\", ""), "hex").toString(),
  );
}
