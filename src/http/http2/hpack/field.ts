import { tokenBytes, valueBytes } from "../../bytes.ts";
import { fieldIdOf } from "../../field-names.ts";
import { staticEntries, staticNameIndex } from "./static-table.ts";

/** Names that begin with a colon. RFC 9113 and RFC 8441 do not define an `unknown` one. */
export const pseudo = {
  none: 0,
  method: 1,
  scheme: 2,
  path: 3,
  authority: 4,
  protocol: 5,
  status: 6,
  unknown: 7,
} as const;

const pseudoNames = ["", ":method", ":scheme", ":path", ":authority", ":protocol", ":status"];

/** Never put into a table, so that their length is all that an eavesdropper can learn (RFC 7541 section 7.1). */
const secretNames = new Set(["authorization", "cookie", "proxy-authorization", "set-cookie"]);

/** As RFC 7541 section 4.1 counts what an entry adds to its strings, in bytes. */
export const entryOverhead = 32;

/** One field of a head. All heads that refer to one entry of a table share it, and what was found out about it. */
export class Field {
  readonly name: string;
  /** A character per byte (Latin-1). */
  readonly value: string;
  /** As in `field-names.ts`. */
  readonly id: number;
  /** One of {@link pseudo}. */
  readonly pseudo: number;
  /** Whether name and value have only what RFC 9113 section 8.2.1 and RFC 9110 section 5.5 allow. */
  readonly valid: boolean;
  /** Whoever passes it on must not put it into a table either (RFC 7541 section 6.2.3). */
  readonly secret: boolean;
  /** Whether there is only one of this name and value in the thread. */
  readonly interned: boolean;
  /** In the static table: of this name and value, or 0; and of this name alone, or 0. */
  readonly staticIndex: number;
  readonly nameIndex: number;
  #line: string | undefined;

  constructor(name: string, value: string, kind: "interned" | "plain" | "secret", staticIndex = 0) {
    this.name = name;
    this.value = value;
    this.id = fieldIdOf(name);
    this.pseudo = pseudoOf(name);
    this.valid = isValidName(name, this.pseudo) && isValidValue(value);
    this.secret = kind === "secret";
    this.interned = kind === "interned";
    this.staticIndex = staticIndex;
    this.nameIndex = staticNameIndex(name);
  }

  /** As in the tables of HPACK, in bytes. */
  get size(): number {
    return this.name.length + this.value.length + entryOverhead;
  }

  /** As a line of HTTP/1, with its CRLF. */
  get line(): string {
    this.#line ??= `${this.name}: ${this.value}\r\n`;
    return this.#line;
  }
}

function pseudoOf(name: string): number {
  if (name.charCodeAt(0) !== 0x3a) return pseudo.none;
  const known = pseudoNames.indexOf(name);
  return known === -1 ? pseudo.unknown : known;
}

function isValidName(name: string, kind: number): boolean {
  if (kind !== pseudo.none) return kind !== pseudo.unknown;
  for (let at = 0; at < name.length; at++) {
    const byte = name.charCodeAt(at);
    if (tokenBytes[byte] !== 1 || (byte >= 0x41 && byte <= 0x5a)) return false;
  }
  return name.length > 0;
}

const isBlank = (byte: number): boolean => byte === 0x20 || byte === 0x09;

function isValidValue(value: string): boolean {
  for (let at = 0; at < value.length; at++) if (valueBytes[value.charCodeAt(at)] !== 1) return false;
  return value.length === 0 || !(isBlank(value.charCodeAt(0)) || isBlank(value.charCodeAt(value.length - 1)));
}

/** The static table; the first one has index 1. */
export const staticFields: readonly Field[] = staticEntries.map(
  ([name, value], index) => new Field(name, value, "interned", index + 1),
);

/** A value that is longer is not interned, in bytes. */
const longestInterned = 512;
/** Names and fields that are remembered at most, without those of the static table. */
const mostInterned = 8192;
const interned = new Map<string, Map<string, Field>>();
let remembered = mostInterned;

/**
 * The field of this name and value, the same one each time as long as it is remembered.
 * @param name in lower case. @param value a character per byte.
 */
export function fieldOf(name: string, value: string): Field {
  const known = interned.get(name)?.get(value);
  if (known !== undefined) return known;
  if (secretNames.has(name)) return new Field(name, value, "secret");
  if (name.length + value.length > longestInterned) return new Field(name, value, "plain");
  if (remembered >= mostInterned) {
    startAnew();
    return fieldOf(name, value);
  }
  const field = new Field(name, value, "interned");
  remember(field);
  return field;
}

/** By id: the field of that name that was asked for last. */
const lastFields: (Field | undefined)[] = [];

/** As {@link fieldOf}, for a name that mostly comes with the value that it came with before. @param id of the name, not 0. */
export function sameField(id: number, name: string, value: string): Field {
  const last = lastFields[id];
  if (last !== undefined && last.value === value) return last;
  const field = fieldOf(name, value);
  // Others are not to stay in memory.
  if (field.interned) lastFields[id] = field;
  return field;
}

function remember(field: Field): void {
  const values = interned.get(field.name);
  if (values === undefined) interned.set(field.name, new Map([[field.value, field]]));
  else values.set(field.value, field);
  remembered++;
}

/** Fields of the static table are always known, so that the encoder finds them by identity. */
function startAnew(): void {
  interned.clear();
  lastFields.length = 0;
  for (const field of staticFields) remember(field);
  remembered = 0;
}
