import type { IncomingHttpHeaders } from "node:http";

interface Posted {
  readonly request_headers?: {
    readonly headers: { readonly headers: readonly Line[] };
    readonly end_of_stream?: boolean;
  };
  readonly attributes?: Readonly<Record<string, object>>;
}

interface Line {
  readonly key: string;
  readonly raw_value: string;
}

const set = (key: string, value: string): object => ({
  header: { key, raw_value: Buffer.from(value).toString("base64") },
});

const head = (part: "request" | "response", response: object): object => ({
  [`${part}_headers`]: { response },
});

/** Says of a request, or of its answer, what a processor does that is asked over HTTP: by the field `x-do` of the request. */
export function postedAnswer(
  text: string,
  fields: IncomingHttpHeaders,
): { readonly status: number; readonly content: string } {
  const asked = JSON.parse(text) as Posted;
  const { request_headers: request } = asked;
  const give = (content: object, status = 200) => ({ status, content: JSON.stringify(content) });
  if (request === undefined)
    return give(head("response", { header_mutation: { set_headers: [set("x-answered", "yes")] } }));
  const sent = new Map(
    request.headers.headers.map(({ key, raw_value: value }) => [
      key,
      Buffer.from(value, "base64").toString(),
    ]),
  );
  const facts = JSON.stringify(asked.attributes ?? {});
  const seen = `${sent.get(":method")} ${sent.get(":path")} ${sent.get("x-user")} ${fields["x-add"]} ${request.end_of_stream ?? false} ${facts}`;
  switch (sent.get("x-do")) {
    case "head":
      return give(
        head("request", {
          headerMutation: { setHeaders: [set("x-seen", seen)], removeHeaders: ["x-secret"] },
        }),
      );
    case "own":
      return give({
        immediateResponse: {
          status: { code: "Unauthorized" },
          headers: { setHeaders: [set("x-direct", "1")] },
          body: Buffer.from("go away").toString("base64"),
        },
      });
    case "replace":
      return give(
        head("request", {
          status: "CONTINUE_AND_REPLACE",
          bodyMutation: { body: Buffer.from("replaced").toString("base64") },
        }),
      );
    case "fail":
      return give({}, 503);
    case "broken":
      return { status: 200, content: "{]" };
    default:
      return give(head("request", {}));
  }
}
