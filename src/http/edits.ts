import { tokenBytes, valueBytes } from "./bytes.ts";
import type { Fields } from "./message.ts";
import { NameSet } from "./name-set.ts";

/** A field's value: a text, which is sent as UTF-8, or a function for what is known only with the message: see {@link fieldText}. */
export type EditValue<C> = string | ((context: C) => string);

/** The changes to a message's fields. Names may have any case. */
export interface EditSpec<C> {
  /** In place of all fields of that name. */
  readonly set?: Readonly<Record<string, EditValue<C>>>;
  /** Beside the others of that name. */
  readonly add?: Readonly<Record<string, EditValue<C>>>;
  /** A name that ends in `*` stands for all that begin so. */
  readonly remove?: readonly string[];
  /** Whether a field is left out, by its name in lower case; reserved ones never are. */
  readonly removes?: (name: string) => boolean;
  /** Behind the others. `absent`: only where the message has no such field; `present`: in place of those that it has. */
  readonly more?: readonly {
    readonly name: string;
    readonly value: EditValue<C>;
    readonly when: "always" | "absent" | "present";
  }[];
  /** An empty value makes no field. */
  readonly skipsEmpty?: boolean;
}

/** A part of the lines: the same for every message, or made for it. */
type LinePart<C> = string | ((context: C, fields: Fields | undefined) => string);

/** Names that decide where a message goes or ends, which edits leave alone. */
const reservedNames = [
  "connection",
  "content-length",
  "expect",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];
const reserved = new NameSet(reservedNames);

/** Those of these names that a test takes. */
export const reservedAmong = (takes: (name: string) => boolean): readonly string[] =>
  reservedNames.filter(takes);

/** Whether a field of that name may be set, added or removed. */
export function isEditable(name: string): boolean {
  return name !== "" && isMadeOf(name, tokenBytes) && !reserved.has(name.toLowerCase());
}

const isMadeOf = (text: string, table: Uint8Array): boolean => {
  for (let at = 0; at < text.length; at++) if (table[text.charCodeAt(at)] !== 1) return false;
  return true;
};

/** Edits of fields, compiled once and used for every message. */
export class FieldEdits<C> {
  readonly #dropped: NameSet | undefined;
  readonly #removes: ((name: string) => boolean) | undefined;
  readonly #lines: readonly LinePart<C>[];

  /** @throws RangeError for a name that is not {@link isEditable}, and for a text with a control character. */
  constructor({ set = {}, add = {}, remove = [], removes, more = [], skipsEmpty = false }: EditSpec<C>) {
    this.#removes = removes;
    const replaced = more.filter(({ when }) => when === "present").map(({ name }) => name);
    const dropped = [...Object.keys(set), ...remove, ...replaced].map((name) => name.toLowerCase());
    const added = [
      ...Object.entries({ ...set })
        .concat(Object.entries(add))
        .map(([name, value]) => ({ name, value, when: "always" as const })),
      ...more,
    ];
    const unfit = [...dropped, ...added.map(({ name }) => name)].find((name) => !isEditable(name));
    if (unfit !== undefined) throw new RangeError(`the field ${JSON.stringify(unfit)} cannot be edited`);
    this.#dropped = dropped.length === 0 ? undefined : new NameSet(dropped);
    this.#lines = joinTexts(
      added.flatMap((each) => partsOf({ ...each, name: each.name.toLowerCase() }, skipsEmpty)),
    );
  }

  /** Sets `marks` to 1 at the index of each field that is removed or replaced. */
  mark(fields: Fields, marks: Uint8Array): void {
    this.#dropped?.mark(fields, marks);
    if (this.#removes === undefined) return;
    for (let index = 0; index < fields.count; index++)
      if (marks[index] === 0 && !reserved.hasField(fields, index) && this.#removes(fields.name(index)))
        marks[index] = 1;
  }

  /** @param fields those of the message as it came. @returns the fields to add as lines of HTTP/1, each with its CRLF. */
  lines(context: C, fields?: Fields): string {
    let text = "";
    for (const part of this.#lines) text += typeof part === "string" ? part : part(context, fields);
    return text;
  }
}

type Added<C> = NonNullable<EditSpec<C>["more"]>[number];

function partsOf<C>({ name, value, when }: Added<C>, skipsEmpty: boolean): LinePart<C>[] {
  const text = constantText(value);
  if (when === "always" && (typeof text === "string" || !skipsEmpty))
    return skipsEmpty && text === ""
      ? []
      : [`${name}: `, typeof text === "string" ? text : (context) => fieldText(text(context)), "\r\n"];
  const line = (context: C): string => {
    const made = typeof text === "string" ? text : fieldText(text(context));
    return made === "" && skipsEmpty ? "" : `${name}: ${made}\r\n`;
  };
  if (when === "always") return [line];
  const wanted = when === "present";
  return [(context, fields) => ((fields?.findName(name) ?? -1) >= 0 === wanted ? line(context) : "")];
}

function constantText<C>(value: EditValue<C>): EditValue<C> {
  if (typeof value !== "string") return value;
  const text = Buffer.from(value).toString("latin1");
  if (!isMadeOf(text, valueBytes))
    throw new RangeError(`the text ${JSON.stringify(value)} cannot be a field`);
  return text;
}

function joinTexts<C>(parts: readonly LinePart<C>[]): LinePart<C>[] {
  const joined: LinePart<C>[] = [];
  for (const part of parts) {
    const before = joined.at(-1);
    if (typeof part === "string" && typeof before === "string") joined.splice(-1, 1, before + part);
    else joined.push(part);
  }
  return joined;
}

/**
 * Makes a text fit to stand in a field: control characters become blanks, so that no value begins a line of its own.
 * @param text a character per byte; one with characters above U+00FF is taken for text, which becomes UTF-8.
 */
export function fieldText(text: string): string {
  if (isMadeOf(text, valueBytes)) return text;
  const bytes = isLatin1(text) ? Buffer.from(text, "latin1") : Buffer.from(text);
  for (let at = 0; at < bytes.length; at++) if (valueBytes[bytes[at]!] !== 1) bytes[at] = 0x20;
  return bytes.toString("latin1");
}

const isLatin1 = (text: string): boolean => {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0xff) return false;
  return true;
};
