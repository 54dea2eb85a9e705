import type { Fault } from "./fault.ts";

/*
 * Requests and responses as everything above the engine sees them. Nobody who uses these interfaces can tell which
 * version of HTTP a message came in.
 */

/**
 * The fields of a head, or of trailers, in the order in which they came. All of it was checked: names are tokens,
 * values have no CR, LF, NUL or other control byte but HTAB.
 *
 * It is valid until the call that handed it over returns. {@link Fields.retain} gives one that stays.
 */
export interface Fields {
  readonly count: number;
  /** @returns the number of a known name (`field-names.ts`), 0 for any other. */
  id(index: number): number;
  /** @returns the name in lower case. */
  name(index: number): string;
  /** Whether the name is this one, whatever its case; makes no string. @param lower in lower case. */
  isNamed(index: number, lower: string): boolean;
  /** The same for how the name begins. */
  beginsWith(index: number, lower: string): boolean;
  /** @returns the value without blanks around it, a character per byte (Latin-1). */
  value(index: number): string;
  /** @returns the index of the first field with this id at or after `from`; -1 where there is none. */
  find(id: number, from?: number): number;
  /** The same by name. @param lower in lower case. */
  findName(lower: string, from?: number): number;
  /**
   * @param dropped not 0 at the index of each field that is left out.
   * @returns the other ones as lines of HTTP/1, each with its CRLF.
   */
  linesExcept(dropped: Uint8Array): string;
  /** @returns the same fields, for as long as they are held. */
  retain(): Fields;
}

/** The request of a client. All but `fields` stays until the response has ended. */
export interface RequestHead {
  /** As sent: methods are case-sensitive. GET where an upgrade is asked for, also over HTTP/2 (RFC 8441). */
  readonly method: string;
  /** Of the client's connection: whether it is TLS. The client's own claim decides nothing. */
  readonly scheme: "http" | "https";
  /** Host and port as they came; empty where HTTP/1.0 named none. */
  readonly authority: string;
  /** The name that routes go by: the authority in lower case, without its port and without one dot at its end. */
  readonly host: string;
  /** In normal form (`uri/path.ts`), in which it is matched and sent on. `*` for `OPTIONS *`. */
  readonly path: string;
  /** With its `?`, byte for byte as it came; empty where there is none. */
  readonly query: string;
  /** The path as a lax backend might read it, where it may be read in two ways; undefined for all other paths. */
  readonly secondPath: string | undefined;
  readonly fields: Fields;
  /** Of the body, in bytes; 0 where there is none, {@link unknownLength} where only its end will tell. */
  readonly length: number;
  /** The protocol that the client asks to change to: `websocket`, or empty. */
  readonly upgrade: "" | "websocket";
  /** The client waits for a 100 before it sends the body (RFC 9110 section 10.1.1). */
  readonly expectsContinue: boolean;
  /** The client takes trailers in the response (`TE: trailers`). */
  readonly takesTrailers: boolean;
}

/** The answer of a backend, final or interim. It is valid until the call that handed it over returns. */
export interface ResponseHead {
  /** 100 to 999. */
  readonly status: number;
  /** The reason phrase, which HTTP/2 does not have; may be empty. */
  readonly phrase: string;
  readonly fields: Fields;
  /** Of the body that follows; as in {@link RequestHead.length}. */
  readonly length: number;
}

export const unknownLength = -1;

/** The changes to a head's fields on their way to the other side. */
export interface HeadEdits {
  /** Of `markDropped` (`hop-by-hop.ts`): not 0 at the index of each field that is left out. */
  readonly dropped: Uint8Array;
  /** Fields to add, as lines of HTTP/1 that were checked, each with its CRLF. */
  readonly lines: string;
}

/**
 * Gets the body of a message. The message is complete with the one call that says so: {@link BodyReceiver.body} with
 * `last`, or {@link BodyReceiver.end}. A message that is cut short ends with neither.
 */
export interface BodyReceiver {
  /**
   * @param buffer holds the part between `start` and `end`, which is never empty. It is the sender's again once this
   * returns; until then the receiver may write to every byte of it.
   * @param last the message is complete, and without trailers.
   * @returns false to get no more for now. Bytes on their way may still come, at most one read of them.
   */
  body(buffer: Buffer, start: number, end: number, last: boolean): boolean;
  /** Nothing follows. @param trailers undefined where there are none. */
  end(trailers: Fields | undefined): void;
}

/** Gets one request. Called by who reads from the client. */
export interface RequestReceiver extends BodyReceiver {
  /**
   * The first call.
   * @param last the request is complete: it has no body. Never so where an upgrade is asked for: once that is agreed to,
   * `body` gets the bytes of the tunnel, and `end` says that the client will send no more.
   */
  request(head: RequestHead, last: boolean): void;
  /**
   * The request breaks the rules or a limit, or was cut short: nothing more of it comes. Without a call of `request`
   * before it, nothing of it may reach a backend.
   */
  fail(fault: Fault): void;
}

/** Gets the response to one request. Called by who reads from the backend. */
export interface ResponseReceiver extends BodyReceiver {
  /** An interim answer, 100 to 199 but 101: any number up to 8, before the final one. */
  interim(head: ResponseHead): void;
  /**
   * The final answer.
   * @param follows `body` or `end` is called next, before control goes back to the event loop: whoever writes the head
   * can write it together with that.
   */
  response(head: ResponseHead, follows: boolean): void;
  /**
   * The backend has agreed to the upgrade that was asked for. From now on `body` gets the bytes of the tunnel, and `end`
   * says that the backend will send no more.
   */
  switched(head: ResponseHead): void;
  /** The response breaks the rules or a limit, or was cut short: nothing more of it comes. */
  fail(fault: Fault): void;
}
