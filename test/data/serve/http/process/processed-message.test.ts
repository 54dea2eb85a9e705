import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { PartAnswer } from "../../../../../src/data/serve/http/process/answers.ts";
import type { MessagePort } from "../../../../../src/data/serve/http/process/message-port.ts";
import {
  outOfOrder,
  ProcessedMessage,
} from "../../../../../src/data/serve/http/process/processed-message.ts";
import type { Fields } from "../../../../../src/http/message.ts";
import { readFields } from "../../../../../src/http/scan.ts";
import type { BodyMode, SideMode } from "../../../../../src/model/http/processing.ts";

const answer = (more: Partial<PartAnswer> = {}): PartAnswer => ({
  mutation: undefined,
  content: undefined,
  streamed: undefined,
  isAll: false,
  reroutes: false,
  ...more,
});

/** Notes the fate of a message. */
class Notes implements MessagePort {
  /** The questions to the processor. */
  readonly asked: string[] = [];
  /** Heads and ends that went on. */
  readonly gone: string[] = [];
  /** Parts of the body that went on. */
  body = "";
  ends = 0;
  resumed = 0;
  tooLongs = 0;
  accepts = true;
  processorTakes = true;

  askHead(isAll: boolean): void {
    this.asked.push(isAll ? "head, all" : "head");
  }
  askBody(bytes: Uint8Array, last: boolean): void {
    this.asked.push(`${Buffer.from(bytes).toString("latin1")}${last ? "." : ""}`);
  }
  askTrailers(trailers: Fields): void {
    this.asked.push(`trailers ${trailers.name(0)}`);
  }
  changeHead(): undefined {}
  changeTrailers(trailers: Fields): Fields {
    return trailers;
  }
  passHead(length: number | undefined): void {
    this.gone.push(`head ${length}`);
  }
  passBody(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    assert.equal(this.ends, 0, "bytes behind the end");
    assert.ok(this.gone.length > 0, "a body without a head");
    this.body += bytes.toString("latin1", start, end);
    if (last) this.ends++;
    return this.accepts;
  }
  passEnd(trailers: Fields | undefined): void {
    assert.equal(this.ends, 0, "two ends");
    this.ends++;
    this.gone.push(trailers === undefined ? "end" : `trailers ${trailers.name(0)}`);
  }
  resume(): void {
    this.resumed++;
  }
  tooLong(): void {
    this.tooLongs++;
  }
}

interface Terms {
  readonly buffer?: number;
  readonly looksOn?: boolean;
  readonly sendsEarly?: boolean;
}

function begin(
  mode: Partial<SideMode>,
  { buffer = 10, looksOn = false, sendsEarly = false }: Terms = {},
): { readonly notes: Notes; readonly message: ProcessedMessage } {
  const notes = new Notes();
  const whole = { head: true, body: "none" as const, trailers: false, ...mode };
  const message = new ProcessedMessage(whole, notes, { buffer, looksOn, sendsEarly });
  message.begin(false);
  return { notes, message };
}

const send = (message: ProcessedMessage, text: string, last = false): boolean =>
  message.body(Buffer.from(text, "latin1"), 0, text.length, last);

const trailers = readFields("x-end: 1\r\n");

test("nothing goes on before the head is answered, and then all that came, as it came", () => {
  const { notes, message } = begin({});
  send(message, "ab");
  message.end(trailers);
  assert.deepEqual([notes.asked, notes.gone, notes.body], [["head"], [], ""]);
  assert.equal(message.headAnswered(answer()), undefined);
  assert.deepEqual([notes.gone, notes.body, notes.ends], [["head undefined", "trailers x-end"], "ab", 1]);
});

test("without anything to be sent, a message passes at once", () => {
  const { notes, message } = begin({ head: false });
  assert.equal(send(message, "ab", true), true);
  assert.deepEqual([notes.asked, notes.body, notes.ends, message.isOver], [[], "ab", 1, true]);
});

test("parts that are streamed go on with what each was answered, in order, and trailers behind them", () => {
  const { notes, message } = begin({ body: "streamed", trailers: true });
  message.headAnswered(answer());
  send(message, "ab");
  send(message, "cd");
  message.end(trailers);
  assert.deepEqual([notes.asked, notes.body], [["head", "ab", "cd"], ""]);
  message.bodyAnswered(answer({ content: Buffer.from("X") }));
  message.bodyAnswered(answer());
  assert.deepEqual([notes.body, notes.ends, notes.asked.at(-1)], ["Xcd", 0, "trailers x-end"]);
  assert.equal(message.trailersAnswered(answer()), undefined);
  assert.deepEqual([notes.gone, notes.ends], [["head -1", "trailers x-end"], 1]);
});

test("a body that is collected goes as a whole with its new length; one that is too long goes nowhere", () => {
  const { notes, message } = begin({ body: "buffered" });
  message.headAnswered(answer());
  send(message, "ab");
  assert.deepEqual(notes.asked, ["head"]);
  send(message, "cd", true);
  assert.deepEqual([notes.asked.at(-1), notes.gone], ["abcd.", []]);
  message.bodyAnswered(answer({ content: Buffer.from("xyz") }));
  assert.deepEqual([notes.gone, notes.body, notes.ends], [["head 3"], "xyz", 1]);

  for (const isWhole of [false, true]) {
    const other = begin({ body: "buffered" });
    other.message.headAnswered(answer());
    send(other.message, "a".repeat(11), isWhole);
    assert.deepEqual([other.notes.tooLongs, other.notes.asked, other.notes.body], [1, ["head"], ""]);
  }
});

test("of a body that is collected in part, the rest goes on as it is", () => {
  const { notes, message } = begin({ body: "partial" });
  message.headAnswered(answer());
  send(message, "a".repeat(10));
  send(message, "rest");
  assert.deepEqual(notes.asked.at(-1), "a".repeat(10));
  message.bodyAnswered(answer({ content: Buffer.from("b") }));
  send(message, "end", true);
  assert.deepEqual([notes.gone, notes.body, notes.ends], [["head -1"], "brestend", 1]);
});

test("with duplex, what comes back takes the place of what was sent, and its end comes from the processor", () => {
  const { notes, message } = begin({ body: "duplex", trailers: true });
  send(message, "ab");
  assert.deepEqual(notes.asked, ["head", "ab"]);
  message.headAnswered(answer());
  send(message, "cd", true);
  const part = (text: string, last = false): PartAnswer =>
    answer({ content: Buffer.from(text), streamed: { last } });
  assert.equal(message.bodyAnswered(part("one")), undefined);
  assert.deepEqual([notes.body, notes.ends, message.isStuck], ["one", 0, true]);
  assert.equal(message.bodyAnswered(part("two", true)), undefined);
  assert.deepEqual([notes.body, notes.ends, message.isStuck], ["onetwo", 1, false]);
  assert.equal(message.bodyAnswered(part("three")), outOfOrder);
});

test("with duplex, nobody is given an end before the message has one", () => {
  const { notes, message } = begin({ body: "duplex", trailers: true });
  send(message, "ab");
  message.headAnswered(answer());
  assert.equal(
    message.bodyAnswered(answer({ content: Buffer.from("x"), streamed: { last: true } })),
    outOfOrder,
  );
  assert.equal(notes.ends, 0);
});

test("answers that nobody waits for are told of, whatever they are about", () => {
  const { message } = begin({ body: "streamed", trailers: true });
  assert.equal(message.bodyAnswered(answer()), outOfOrder);
  assert.equal(message.trailersAnswered(answer()), outOfOrder);
  message.headAnswered(answer());
  assert.equal(message.headAnswered(answer()), outOfOrder);
  assert.equal(message.bodyAnswered(answer()), outOfOrder);
});

test("a body in place of the message's own drops that, however much of it still comes", () => {
  const { notes, message } = begin({ body: "streamed" });
  send(message, "ab");
  message.headAnswered(answer({ isAll: true, content: Buffer.from("mine") }));
  assert.equal(send(message, "cd".repeat(100_000)), true);
  send(message, "ef", true);
  assert.deepEqual([notes.gone, notes.body, notes.ends], [["head 4"], "mine", 1]);
});

test("no more is taken than may wait, and more is asked for as soon as there is room", () => {
  const { notes, message } = begin({ body: "streamed" });
  assert.equal(send(message, "a".repeat(65_536)), false);
  message.headAnswered(answer());
  assert.equal(notes.resumed, 0, "the processor has not answered what it has");
  message.bodyAnswered(answer());
  assert.equal(notes.resumed, 1);
  notes.accepts = false;
  send(message, "b");
  message.bodyAnswered(answer());
  assert.equal(send(message, "c"), false);
  message.onwardTakes();
  assert.equal(notes.resumed, 2);
});

test("who looks on gets copies, and nobody waits for it", () => {
  const { notes, message } = begin({ body: "streamed", trailers: true }, { looksOn: true });
  send(message, "ab");
  message.end(trailers);
  assert.deepEqual(notes.asked, ["head", "ab", "trailers x-end"]);
  assert.deepEqual([notes.gone, notes.body], [["head undefined", "trailers x-end"], "ab"]);
  assert.equal(message.waitsFor, undefined);
});

test("parts may go before the head is answered where that is wanted, and go on behind it", () => {
  const { notes, message } = begin({ body: "streamed" }, { sendsEarly: true });
  send(message, "ab", true);
  assert.deepEqual([notes.asked, notes.gone], [["head", "ab."], []]);
  assert.equal(message.headAnswered(answer()), undefined);
  assert.equal(message.bodyAnswered(answer()), undefined);
  assert.deepEqual([notes.body, notes.ends], ["ab", 1]);
});

test("an answer to all of a message settles what has been sent first, and then the rest goes on as it is", () => {
  const { notes, message } = begin({ body: "streamed" });
  message.headAnswered(answer());
  send(message, "ab");
  send(message, "cd");
  message.bodyAnswered(answer({ isAll: true, content: Buffer.from("AB") }));
  send(message, "ef", true);
  assert.deepEqual([notes.body, notes.ends, message.waitsFor], ["AB", 0, "answer"]);
  message.bodyAnswered(answer({ content: Buffer.from("C") }));
  assert.deepEqual([notes.asked, notes.body, notes.ends], [["head", "ab", "cd"], "ABCef", 1]);
});

test("a processor that leaves before it has answered all that it has takes nothing along", () => {
  const { notes, message } = begin({ body: "streamed" });
  message.headAnswered(answer());
  send(message, "ab");
  send(message, "cd");
  message.bodyAnswered(answer({ isAll: true }));
  send(message, "ef", true);
  message.release();
  assert.deepEqual([notes.body, notes.ends], ["abcdef", 1]);
});

test("an early part may be answered with another length where the head's answer is for all of the message", () => {
  const { notes, message } = begin({ body: "streamed" }, { sendsEarly: true });
  send(message, "ab");
  message.headAnswered(answer({ isAll: true }));
  send(message, "cd", true);
  assert.deepEqual([notes.gone, notes.body], [["head -1"], ""]);
  message.bodyAnswered(answer({ content: Buffer.from("xyz") }));
  assert.deepEqual([notes.asked, notes.body, notes.ends], [["head", "ab"], "xyzcd", 1]);
});

test("nothing goes on behind a body in place of the message's own, whatever early parts are answered with", () => {
  const { notes, message } = begin({ body: "streamed" }, { sendsEarly: true });
  send(message, "ab");
  send(message, "cd", true);
  message.headAnswered(answer({ isAll: true, content: Buffer.from("mine") }));
  assert.equal(message.bodyAnswered(answer()), undefined);
  assert.equal(message.bodyAnswered(answer({ content: Buffer.from("x") })), undefined);
  assert.equal(message.bodyAnswered(answer()), outOfOrder);
  assert.deepEqual([notes.gone, notes.body, notes.ends], [["head 4"], "mine", 1]);
});

test("with duplex, no answer is for all of a message of which the processor has parts", () => {
  const { notes, message } = begin({ body: "duplex", trailers: true });
  send(message, "ab");
  assert.equal(message.headAnswered(answer({ isAll: true })), outOfOrder);
  assert.deepEqual([notes.body, notes.ends], ["", 0]);
});

/** Events of a message, in any order: parts come, the processor answers the oldest question (`all`: of the whole message), or has no say any more. */
const events = fc.array(fc.constantFrom("part", "answer", "all", "takes", "refuses", "release"), {
  maxLength: 30,
});

test("whatever the order, all bytes go on once, in order, with one end, unless nothing can make the message whole", () => {
  const modes = fc.record<SideMode>({
    head: fc.boolean(),
    body: fc.constantFrom<BodyMode>("none", "streamed", "buffered", "partial", "duplex"),
    trailers: fc.constant(true),
  });
  const way = fc.record({ mode: modes, events, hasTrailers: fc.boolean(), early: fc.boolean() });
  fc.assert(
    fc.property(way, ({ mode, events: happen, hasTrailers, early }) => {
      const { notes, message } = begin(mode, { buffer: 1_000, sendsEarly: early });
      let [sent, answered, isReleased] = ["", 0, false];
      const answerNext = (isAll = false): void => {
        const asked = notes.asked[answered];
        if (asked === undefined || isReleased) return;
        answered++;
        const wrong = asked.startsWith("head")
          ? message.headAnswered(answer({ isAll: isAll && mode.body !== "duplex" }))
          : asked.startsWith("trailers")
            ? message.trailersAnswered(answer())
            : message.bodyAnswered(
                mode.body === "duplex"
                  ? answer({
                      content: Buffer.from(asked.replace(".", "")),
                      streamed: { last: asked.endsWith(".") },
                    })
                  : answer({ isAll }),
              );
        assert.equal(wrong, undefined);
      };
      for (const [index, event] of happen.entries()) {
        if (event === "part") {
          sent += `<${index}>`;
          send(message, `<${index}>`);
        } else if (event === "answer" || event === "all") answerNext(event === "all");
        else if (event === "takes") message.onwardTakes();
        else if (event === "refuses") notes.accepts = false;
        else if (!message.isStuck) {
          isReleased = true;
          message.release();
        }
      }
      message.end(hasTrailers ? trailers : undefined);
      for (let turn = 0; turn < 100 && answered < notes.asked.length; turn++) answerNext();
      assert.deepEqual(
        [notes.body, notes.ends, message.isOver, message.waitsFor],
        [sent, 1, true, undefined],
      );
    }),
  );
});
