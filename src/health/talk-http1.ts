import { details } from "../http/fault.ts";
import { markDropped } from "../http/hop-by-hop.ts";
import { Http1Backend } from "../http/http1/backend.ts";
import { requestText } from "../http/http1/request-head.ts";
import type { ResponseReceiver } from "../http/message.ts";
import type { Talk } from "./check.ts";
import { type CheckAnswer, type CheckRequest, headOf } from "./http-answer.ts";

const limits = { head: 64 * 1024, fields: 256, underscores: "pass" } as const;

/** The request of a check over HTTP/1.1, without a body, and its answer. @param mostBytes of the answer with its framing. */
export function talkHttp1(request: CheckRequest, answer: CheckAnswer, mostBytes: number): Talk {
  const reader = new Http1Backend(limits);
  let received = 0;
  return {
    ready(connection) {
      const head = headOf(request);
      reader.begin(head.method, "", receiverOf(answer));
      const edits = { dropped: markDropped(head.fields, []), lines: "connection: close\r\n" };
      connection.write(requestText(head, edits));
    },
    receive(chunk) {
      received += chunk.length;
      if (received > mostBytes) throw new Error(`the answer is longer than ${mostBytes} bytes`);
      reader.receive(chunk, 0, chunk.length);
    },
    ended: () => reader.ended(),
  };
}

const receiverOf = (answer: CheckAnswer): ResponseReceiver => ({
  interim() {},
  switched() {},
  response: (head) => answer.response(head),
  body: (bytes, start, end, last) => answer.body(bytes, start, end, last),
  end: (trailers) => answer.end(trailers),
  fail: ({ detail }) =>
    answer.failed(detail === "cut_short" ? undefined : `the answer has ${details[detail]}`),
});
