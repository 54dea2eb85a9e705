/**
 * The attributes of a distinguished name in the notation of RFC 4514 (`CN=Doe\, John,O=Acme`), or with one attribute a
 * line, as Node writes subjects. Types become upper case, escapes are undone, the order stays.
 * @returns `TYPE=value` of each attribute; undefined when the text is no such name.
 */
export function parseDistinguishedName(text: string): readonly string[] | undefined {
  const attributes: string[] = [];
  for (const part of splitUnescaped(text)) {
    const match = /^\s*([A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+)\s*=\s*((?:\\.|[^\\])*?)\s*$/s.exec(part);
    if (match === null) return undefined;
    attributes.push(`${match[1]!.toUpperCase()}=${unescapeValue(match[2]!)}`);
  }
  return attributes;
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
