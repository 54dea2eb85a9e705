import { textIn } from "../lib/byte-text.ts";
import type { AccessFormat, AccessLogSettings, LinePart, ObjectFormat } from "../model/access-log.ts";
import { isRequestField } from "../model/request-log.ts";
import { envoyValues } from "./envoy-values.ts";
import type { Line } from "./line-batch.ts";
import { loggedStatus, requestValues } from "./request-fields.ts";
import { type LineValue, type LoggedRequest, type RequestRecord, requestLine } from "./request-log.ts";

/** Characters of a value that a line has. */
const longestValue = 1_024;

/** Writes the lines of requests that go to a file of their own. */
export class AccessLog {
  readonly requestFields: readonly string[];
  readonly responseFields: readonly string[];
  readonly trailerFields: readonly string[];
  readonly #write: (line: Line) => void;
  readonly #format: Of<Line>;

  constructor(settings: AccessLogSettings, write: (line: Line) => void) {
    this.requestFields = settings.requestFields;
    this.responseFields = settings.responseFields;
    this.trailerFields = settings.trailerFields;
    this.#write = write;
    this.#format = formatter(settings.format);
  }

  /** @param request undefined: it was not read. */
  record(record: RequestRecord, request: LoggedRequest | undefined): void {
    this.#write(this.#format(record, request));
  }
}

/** Makes something of a request. */
type Of<T> = (record: RequestRecord, request: LoggedRequest | undefined) => T;

function formatter(format: AccessFormat): Of<Line> {
  if (format.kind === "json") return requestLine;
  const unknown = format.omitsEmpty === true ? "" : "-";
  if (format.kind === "text") return textLine(format.parts, unknown);
  const object = objectOf(format.fields, unknown);
  return (record, request) => `${JSON.stringify(object(record, request))}\n`;
}

/**
 * Makes an object of JSON. Null stands for what there is not, or no member where nothing else does.
 * @param unknown stands within a text for a value that there is not.
 */
function objectOf(fields: ObjectFormat, unknown: string): Of<Readonly<Record<string, unknown>>> {
  const values = fields.map(([name, value]): [string, Of<unknown>] => {
    if ("fields" in value) return [name, objectOf(value.fields, unknown)];
    const parts = value.parts.map(partValue);
    const [only] = parts;
    if (parts.length === 1 && typeof only === "function")
      return [name, (record, request) => only(record, request) ?? null];
    return [
      name,
      (record, request) => {
        let text = "";
        for (const part of parts)
          text += typeof part === "string" ? part : (part(record, request) ?? unknown);
        return text;
      },
    ];
  });
  return (record, request) => {
    const members: [string, unknown][] = [];
    for (const [name, of] of values) {
      const value = of(record, request);
      if (unknown !== "" || (value !== null && value !== "")) members.push([name, value]);
    }
    return Object.fromEntries(members);
  };
}

function textLine(parts: readonly LinePart[], unknown: string): Of<string> {
  const values = parts.map(partValue);
  return (record, request) => {
    let line = "";
    for (const value of values)
      line += typeof value === "string" ? value : escaped(value(record, request), unknown);
    return `${line}\n`;
  };
}

function partValue(part: LinePart): string | LineValue {
  if (typeof part === "string") return part;
  if ("either" in part) return firstOf(part.either.map(partValue), part.most);
  if ("request" in part) return ({ requestFields: fields }) => fields?.[part.request];
  if ("response" in part) return ({ responseFields: fields }) => fields?.[part.response];
  if ("trailer" in part) return ({ trailerFields: fields }) => fields?.[part.trailer];
  if ("variable" in part)
    return (_record, request) => textIn(request?.variable(part.variable) ?? "") || undefined;
  return part.field in usual
    ? usual[part.field]!
    : isRequestField(part.field)
      ? requestValues[part.field]
      : "-";
}

function firstOf(parts: readonly (string | LineValue)[], most: number | undefined): LineValue {
  return (record, request) => {
    for (const part of parts) {
      const value = typeof part === "string" ? part : part(record, request);
      if (value === undefined || value === "") continue;
      return most === undefined ? value : String(value).slice(0, most);
    }
    return undefined;
  };
}

/** Parts of the common and the combined format. */
const usual: Readonly<Record<string, LineValue>> = {
  ...envoyValues,
  "common.time": ({ ended }) => commonTime(new Date(ended)),
  "common.request": ({ method, path, protocol }) =>
    method === "" ? undefined : `${method} ${path} ${protocol}`,
  "common.status": loggedStatus,
  "common.referer": ({ requestFields: fields }) => fields?.["referer"]?.replace(/[?#].*$/s, ""),
};

/** As Apache and nginx write values: quotes and what is no text by their codes, so that a line stays one. */
function escaped(value: string | number | undefined, unknown: string): string {
  if (value === undefined || value === "") return unknown;
  return String(value)
    .slice(0, longestValue)
    .replaceAll(
      /[^\x20\x21\x23-\x5b\x5d-\x7e]/g,
      (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
    );
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `10/Oct/2000:13:55:36 +0000`. */
function commonTime(now: Date): string {
  const [year, month, day] = now.toISOString().slice(0, 10).split("-");
  return `${day}/${months[Number(month) - 1]}/${year}:${now.toISOString().slice(11, 19)} +0000`;
}
