/** A block of PEM text (RFC 7468). */
export interface PemBlock {
  /** The name in its BEGIN line: `CERTIFICATE`. */
  readonly label: string;
  /** The block alone, in lines of 64 characters. The same content gives the same text, however its file was written. */
  readonly text: string;
  readonly der: Buffer;
  /** By the headers of a private key in OpenSSL's traditional form. */
  readonly encrypted: boolean;
}

/** The content of a file, or why it can't be used, as the end of a sentence that begins with the file. */
export type Loaded<T> = { readonly value: T } | { readonly problem: string };

const begin = "-----BEGIN ";
const dashes = "-----";

/**
 * The blocks of a PEM text, wherever they are: glued to each other, with any line ends, behind a byte order mark, with
 * text around them (RFC 7468 section 2). A BEGIN that does not begin a whole block is a problem, never skipped: it could
 * be the CA that was meant to count.
 */
export function parsePem(bytes: Uint8Array): Loaded<readonly PemBlock[]> {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
  if (text.trim() === "") return { problem: `is empty; it must hold PEM text (${begin}…-----)` };
  const blocks: PemBlock[] = [];
  let from = 0;
  // Four dashes less than there should be, so that a line that lost some is found too.
  for (let at = text.indexOf("-BEGIN "); at !== -1; at = text.indexOf("-BEGIN ", from)) {
    const found = blockAt(text, at - 4);
    if ("problem" in found) return found;
    blocks.push(found.value.block);
    from = found.value.end;
  }
  return blocks.length > 0 ? { value: blocks } : { problem: `is not PEM: ${otherForm(bytes)}` };
}

/** A certificate, key or list in OpenSSL's own form. */
export function pemText(label: string, der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return [`${begin}${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

/** @param at where its BEGIN should be. */
function blockAt(text: string, at: number): Loaded<{ readonly block: PemBlock; readonly end: number }> {
  const labelAt = at + begin.length;
  const labelEnd = text.indexOf(dashes, labelAt);
  const label = text.slice(labelAt, labelEnd);
  if (!text.startsWith(begin, at) || labelEnd === -1 || !/^[A-Z0-9 ]{1,40}$/.test(label))
    return { problem: `has a damaged line ${lineOf(text, labelAt)}: it should be ${begin}…-----` };
  const bodyAt = labelEnd + dashes.length;
  const endAt = text.indexOf("-----END ", bodyAt);
  const nextAt = text.indexOf(begin, bodyAt);
  if (endAt === -1 && nextAt === -1)
    return {
      problem: `is cut short: its last ${begin}…----- has no -----END …-----; if nobody is writing it, get it again`,
    };
  const named = `the ${label} that begins in line ${lineOf(text, labelAt)}`;
  const end = `-----END ${label}-----`;
  if (endAt === -1 || (nextAt !== -1 && nextAt < endAt))
    return { problem: `is damaged: ${named} has no ${end}; get it again` };
  if (!text.startsWith(end, endAt))
    return {
      problem: `is damaged: ${named} ends with another line than ${end} in line ${lineOf(text, endAt)}; get it again`,
    };
  const { content, contentAt, encrypted } = withoutHeaders(text, bodyAt, endAt);
  const der = decode(content);
  if (der === undefined)
    return { problem: `is damaged: ${named} ${flaw(text, content, contentAt)}; get it again` };
  return { value: { block: { label, text: pemText(label, der), der, encrypted }, end: endAt + end.length } };
}

/** Headers (RFC 1421 section 4.6), which end with an empty line, have colons; base64 never has. */
function withoutHeaders(
  text: string,
  from: number,
  to: number,
): { content: string; contentAt: number; encrypted: boolean } {
  const body = text.slice(from, to);
  const lastColon = body.lastIndexOf(":");
  if (lastColon === -1) return { content: body, contentAt: from, encrypted: false };
  const lineEnd = body.indexOf("\n", lastColon);
  const skipped = lineEnd === -1 ? body.length : lineEnd;
  const encrypted = /Proc-Type:[ \t]*4,[ \t]*ENCRYPTED/.test(body.slice(0, skipped));
  return { content: body.slice(skipped), contentAt: from + skipped, encrypted };
}

/** @returns undefined where it is no whole base64. */
function decode(content: string): Buffer | undefined {
  const base64 = content.replace(/\s/g, "");
  const whole = base64.length > 0 && base64.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(base64);
  return whole ? Buffer.from(base64, "base64") : undefined;
}

function flaw(text: string, content: string, contentAt: number): string {
  const stranger = /[^A-Za-z0-9+/=\s]/.exec(content);
  if (stranger !== null)
    return `has ${JSON.stringify(stranger[0])} in line ${lineOf(text, contentAt + stranger.index)}, which is no base64`;
  return content.trim() === "" ? "is empty" : "is not whole: characters of its base64 are missing";
}

/** Counted from 1. */
function lineOf(text: string, at: number): number {
  let line = 1;
  for (let next = text.indexOf("\n"); next !== -1 && next < at; next = text.indexOf("\n", next + 1)) line++;
  return line;
}

/** Says what a file without blocks is instead, and what to do. */
function otherForm(bytes: Uint8Array): string {
  // A DER certificate or key is an ASN.1 SEQUENCE with a two-byte length.
  if (bytes[0] === 0x30 && bytes[1] === 0x82)
    return "it is DER; convert it, for example with: openssl x509 -inform DER (or openssl pkey, openssl crl) -in FILE -out FILE.pem";
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff))
    return "it is UTF-16 text; save it as UTF-8";
  return `it has no ${begin}…----- line; export it as PEM`;
}
