import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isBlamed } from "../../../../src/data/decide/http/retry.ts";
import { HttpScene, writtenTo } from "../../../support/http-scene.ts";
import { lingerToTheEnd } from "../../../support/lingering.ts";

const listener = '[listeners.web.http]\nmax_response = "10B"\n';
const route = (size: string): string =>
  `${listener}[routes.all]\npath_prefix = "/"\npool = "app"\nmax_response = "${size}"\n`;

interface Case {
  readonly what: string;
  readonly toml?: string;
  readonly method?: string;
  /** The backend's parts. */
  readonly answer: readonly string[];
  readonly reason: string;
  /** Of the client's answer; "cut": it has begun. */
  readonly status: number | "cut";
}

const head = "HTTP/1.1 200 OK\r\n";
const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n`;
const [served, tooLarge] = ["served", "response_too_large"];

const cases: readonly Case[] = [
  {
    what: "as large as it may be",
    answer: [`${head}Content-Length: 10\r\n\r\n0123456789`],
    reason: served,
    status: 200,
  },
  {
    what: "that says that it is larger",
    answer: [`${head}Content-Length: 11\r\n\r\n01234567890`],
    reason: tooLarge,
    status: 502,
  },
  {
    what: "in chunks, as large as it may be",
    answer: [chunked, "5\r\n01234\r\n", "5\r\n01234\r\n0\r\n\r\n"],
    reason: served,
    status: 200,
  },
  {
    what: "in chunks that become too much",
    answer: [chunked, "5\r\n01234\r\n", "6\r\n012345\r\n0\r\n\r\n"],
    reason: tooLarge,
    status: "cut",
  },
  {
    what: "without a length that becomes too much",
    answer: [`${head}\r\n01234`, "567890"],
    reason: tooLarge,
    status: "cut",
  },
  {
    what: "to HEAD, which has no body",
    method: "HEAD",
    answer: [`${head}Content-Length: 5000\r\n\r\n`],
    reason: served,
    status: 200,
  },
  {
    what: "for whose route there is no limit",
    toml: route("0"),
    answer: [`${head}Content-Length: 11\r\n\r\n01234567890`],
    reason: served,
    status: 200,
  },
  {
    what: "for whose route there is another one",
    toml: route("4B"),
    answer: [`${head}Content-Length: 5\r\n\r\n01234`],
    reason: tooLarge,
    status: 502,
  },
];

describe("an answer", () => {
  for (const { what, toml = listener, method = "GET", answer, reason, status } of cases)
    test(`${what}: ${status}`, async () => {
      const scene = await HttpScene.of(toml);
      const client = scene.accept();
      client.receive(Buffer.from(`${method} / HTTP/1.1\r\nHost: a.test\r\n\r\n`));
      const backend = scene.backend();
      for (const part of answer) backend.send(part);
      assert.equal(scene.requests.at(-1)?.reason, reason);
      lingerToTheEnd();
      if (status === "cut") assert.ok(client.wasReset && !writtenTo(client).endsWith("0\r\n\r\n"));
      else assert.match(writtenTo(client), new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.equal(backend.socket.destroyed, reason === tooLarge, "the rest is not read");
      scene.finish();
    });
});

test("a backend is not blamed for the size of its answers", () => {
  assert.ok(!isBlamed("response_too_large") && isBlamed("response_head_too_large"));
});
