import { joinedValue } from "../../../../http/joined-value.ts";
import { type Fields, type ResponseHead, unknownLength } from "../../../../http/message.ts";
import { NameSet } from "../../../../http/name-set.ts";
import { readFields } from "../../../../http/scan.ts";
import type { Coding, Compression } from "../../../../model/http/compression.ts";
import { type CompressionDecision, decideCompression, hasDirective } from "../../../decide/http/compress.ts";
import type { RequestView } from "../view.ts";
import { mayCompress } from "./compressor.ts";

/** A response as its client gets it. */
export interface Treated {
  readonly head: ResponseHead;
  /** Undefined: the body goes as it comes. */
  readonly coding: Coding | undefined;
}

/** Fields about the bytes of a body, which will be others (RFC 9110 section 8.3, RFC 9530). */
const spoilt = new NameSet([
  "content-length",
  "content-encoding",
  "accept-ranges",
  "content-md5",
  "digest",
  "content-digest",
  "repr-digest",
]);

const etag = new NameSet(["etag"]);

/** Fields that ask for a part. */
export const rangeFields: NameSet = new NameSet(["range", "if-range"]);

/**
 * Whether a client that has a part of an answer may get the rest in another coding: it goes by a date, which all codings share, while
 * an ETag of what was compressed is too weak to go by (RFC 9110 section 13.1.5). Without the fields it gets the whole.
 */
export function mixesCodings(view: RequestView): boolean {
  const condition = view.header("if-range");
  return condition !== undefined && !condition.endsWith('"');
}

/** The head of an answer that its route may compress. */
export function treat(compression: Compression | undefined, view: RequestView, head: ResponseHead): Treated {
  if (compression === undefined) return { head, coding: undefined };
  const isHead = view.method === "HEAD";
  const { status, length, fields } = head;
  const field = (name: string): string | undefined => joinedValue(fields, name);
  // A client may want nobody to change anything, too (RFC 9111 section 5.2.1.6).
  const wantsAsIs = hasDirective(view.header("cache-control"), "no-transform");
  const accept = wantsAsIs ? undefined : view.header("accept-encoding");
  let decision = decideCompression(compression, accept, { status, length, field }, isHead);
  if (decision !== "alone" && decision !== "varies" && !mayCompress()) decision = "varies";
  if (decision === "alone") return { head, coding: undefined };
  const treated = {
    ...head,
    status,
    phrase: head.phrase,
    fields: fieldsFor(fields, decision, status === 304),
  };
  if (decision === "varies") return { head: { ...treated, length }, coding: undefined };
  const hasBody = !isHead && status !== 304;
  return {
    head: { ...treated, length: hasBody ? unknownLength : length },
    coding: hasBody ? decision : undefined,
  };
}

/** @param isStored the answer is about one that the client has, and has no coding itself. */
function fieldsFor(
  fields: Fields,
  decision: Exclude<CompressionDecision, "alone">,
  isStored: boolean,
): Fields {
  const isCoded = decision !== "varies";
  const marks = new Uint8Array(fields.count);
  let lines = "";
  if (isCoded) {
    if (!isStored) {
      spoilt.mark(fields, marks);
      lines += `content-encoding: ${decision}\r\n`;
    }
    const tag = joinedValue(fields, "etag");
    // The bytes are others, so it is the same in meaning only (RFC 9110 section 8.8.1).
    if (tag?.startsWith('"')) {
      etag.mark(fields, marks);
      lines += `etag: W/${tag}\r\n`;
    }
  }
  const vary =
    joinedValue(fields, "vary")
      ?.toLowerCase()
      .split(",")
      .map((name) => name.trim()) ?? [];
  if (!vary.includes("*") && !vary.includes("accept-encoding")) lines += "vary: accept-encoding\r\n";
  return readFields(fields.linesExcept(marks) + lines);
}
