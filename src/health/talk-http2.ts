import { details } from "../http/fault.ts";
import { ClientConnection } from "../http/http2/client-connection.ts";
import type { ClientStream, ResponseUser } from "../http/http2/client-stream.ts";
import { backendSideLimits, type ConnectionLimits } from "../http/http2/limits.ts";
import { codeName } from "../http/http2/protocol.ts";
import type { Outcome, Talk } from "./check.ts";
import type { Connection } from "./connection.ts";
import { type CheckAnswer, type CheckRequest, headOf } from "./http-answer.ts";

const window = 64 * 1024;
const limits: ConnectionLimits = {
  ...backendSideLimits,
  streamWindow: window,
  connectionWindow: window,
  head: { size: 16 * 1024, fields: 128, underscores: "pass" },
};
const outputSize = 512;

/** The request of a check over HTTP/2, and its answer. @param mostBytes of all that the backend says. */
export function talkHttp2(
  outcome: Outcome,
  request: CheckRequest,
  answer: CheckAnswer,
  mostBytes: number,
): Talk {
  const http = new ClientConnection(
    limits,
    {
      borrow: () => Buffer.allocUnsafe(outputSize),
      wantsFlush() {},
      failed: ({ message }) =>
        outcome.fail(new Error(http.begun ? `the answer has ${message}` : "the answer is not HTTP/2")),
      finished() {},
    },
    performance.now(),
  );
  const flush = (connection: Connection): void => {
    for (let bytes = http.take(); bytes !== undefined; bytes = http.take()) connection.write(bytes);
  };
  let received = 0;
  return {
    ready(connection) {
      const { body } = request;
      const user = new StreamAnswer(answer, http);
      user.stream = http.request(headOf(request), body.length === 0, user);
      if (body.length > 0) user.stream.body(body, 0, body.length, true);
      flush(connection);
    },
    receive(chunk, connection) {
      received += chunk.length;
      if (received > mostBytes) throw new Error(`the answer is longer than ${mostBytes} bytes`);
      http.receive(chunk, 0, chunk.length, performance.now());
      flush(connection);
    },
  };
}

/** The answer as its stream has it. */
class StreamAnswer implements ResponseUser {
  stream: ClientStream | undefined;
  readonly #answer: CheckAnswer;
  readonly #http: ClientConnection;

  constructor(answer: CheckAnswer, http: ClientConnection) {
    this.#answer = answer;
    this.#http = http;
  }

  interim(): void {}

  switched(): void {}

  ready(): void {}

  response(head: Parameters<ResponseUser["response"]>[0]): void {
    this.#answer.response(head);
  }

  body(...part: Parameters<ResponseUser["body"]>): boolean {
    return this.#answer.body(...part);
  }

  end(trailers: Parameters<ResponseUser["end"]>[0]): void {
    this.#answer.end(trailers);
  }

  fail({ detail }: Parameters<ResponseUser["fail"]>[0]): void {
    const reset = this.stream?.resetCode;
    const { goAwayCode, failure } = this.#http;
    if (reset !== undefined) this.#answer.failed(`the stream was reset with ${codeName(reset)}`);
    else if (goAwayCode !== undefined)
      this.#answer.failed(`the connection was ended with ${codeName(goAwayCode)}`);
    else this.#answer.failed(failure === undefined ? `the answer has ${details[detail]}` : undefined);
  }
}
