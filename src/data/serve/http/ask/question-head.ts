import type { Fields, RequestHead } from "../../../../http/message.ts";
import type { ForwardAuth } from "../../../../model/http/guard.ts";
import type { RequestView } from "../view.ts";
import { checkPath } from "./check-call.ts";

/** The head of a question: without a body, whatever the request has. */
export class QuestionHead implements RequestHead {
  readonly method: string;
  scheme: "http" | "https";
  readonly host: string;
  readonly path: string;
  readonly query: string;
  readonly secondPath = undefined;
  length = 0;
  readonly upgrade = "";
  readonly expectsContinue = false;
  readonly takesTrailers: boolean;
  authority: string;
  fields: Fields;

  constructor(view: RequestView, { path, asks }: ForwardAuth) {
    const { scheme, host, authority, fields } = view;
    this.takesTrailers = asks === "grpc";
    this.method = asks === "same" ? view.method : asks === "grpc" ? "POST" : "GET";
    this.query = asks === "same" ? view.query : "";
    this.path = asks === "same" ? path + view.path : asks === "grpc" ? checkPath : path;
    this.scheme = scheme;
    this.host = host;
    this.authority = authority;
    this.fields = fields;
  }
}

export const callLines = "content-type: application/grpc\r\n";

/** The request that it is about, in the words of most servers that are asked, and in those of nginx's users. */
export function questionLines(view: RequestView, { asks }: ForwardAuth): string {
  const { method, scheme, authority, path, query, client, requestId } = view;
  let lines = `x-forwarded-method: ${method}\r\nx-forwarded-proto: ${scheme}\r\nx-forwarded-uri: ${path}${query}\r\n`;
  if (asks === undefined) lines += `x-original-method: ${method}\r\n`;
  if (authority !== "") {
    lines += `x-forwarded-host: ${authority}\r\n`;
    // Without a host there is no URL: some would take the begin of the path for one.
    if (asks === undefined) lines += `x-original-url: ${scheme}://${authority}${path}${query}\r\n`;
  }
  if (client !== "") lines += `x-forwarded-for: ${client}\r\n`;
  return requestId === "" ? lines : `${lines}x-request-id: ${requestId}\r\n`;
}

/** All fields of these names, as they came. */
export function linesOf(fields: Fields, names: readonly string[]): string {
  let lines = "";
  for (const name of names)
    for (let at = fields.findName(name); at >= 0; at = fields.findName(name, at + 1))
      lines += `${name}: ${fields.value(at)}\r\n`;
  return lines;
}

export function textOf(fields: Fields, name: string): string {
  const at = fields.findName(name);
  return at < 0 ? "" : fields.value(at);
}
