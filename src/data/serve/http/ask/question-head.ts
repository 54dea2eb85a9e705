import type { Fields } from "../../../../http/message.ts";
import type { ForwardAuth } from "../../../../model/http/guard.ts";
import type { RequestView } from "../view.ts";
import type { AskedFor } from "./ask-head.ts";
import { checkPath } from "./check-call.ts";

/** The method and the target of a question to an auth's server. */
export function askedFor(view: RequestView, { path, asks }: ForwardAuth): AskedFor {
  if (asks === "grpc") return { method: "POST", path: checkPath, takesTrailers: true };
  if (asks === undefined) return { method: "GET", path };
  return { method: view.method, path: path + view.path, query: view.query };
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
