import { FieldList } from "../http/http2/field-list.ts";
import { type Field, fieldOf } from "../http/http2/hpack/field.ts";
import type { BodyReceiver, RequestHead, ResponseHead } from "../http/message.ts";
import { version } from "../lib/version.ts";

/** Gets the answer to the request of a check. */
export interface CheckAnswer extends BodyReceiver {
  response(head: ResponseHead): void;
  /** It breaks the rules, or is cut short. @param message for the log; undefined: the connection's end says more. */
  failed(message: string | undefined): void;
}

/** The request of a check. */
export interface CheckRequest {
  readonly method: string;
  readonly secure: boolean;
  readonly authority: string;
  /** With the query, where it has one. */
  readonly path: string;
  /** Besides `user-agent`. */
  readonly fields: readonly Field[];
  /** Empty: it has none. */
  readonly body: Buffer;
}

const userAgent = fieldOf("user-agent", `umay/${version} health check`);

export function headOf({ method, secure, authority, path, fields, body }: CheckRequest): RequestHead {
  return {
    method,
    scheme: secure ? "https" : "http",
    authority,
    host: authority,
    path,
    query: "",
    secondPath: undefined,
    fields: new FieldList([userAgent, ...fields]),
    length: body.length,
    upgrade: "",
    expectsContinue: false,
    takesTrailers: body.length > 0,
  };
}
