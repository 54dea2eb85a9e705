import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import pino from "pino";
import { ChallengeBoard } from "../../src/acme/challenge-board.ts";
import { Storage } from "../../src/acme/storage.ts";
import type { Challenge } from "../../src/model/acme.ts";
import { becomes } from "../support/settled.ts";

const directory = "https://localhost/directory";
const challengeOf = (token: string): Challenge => ({ type: "http-01", name: "a.test", token, answer: "x" });
const kind = { type: "http-01", propagation: 0, signal: new AbortController().signal } as const;
let dir: string;
let board: ChallengeBoard;
let published: (readonly Challenge[])[];
let lines: { readonly level: number; readonly err: { readonly message: string } }[];
/** The way in which workers answer. */
let answer: () => Promise<void>;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "umay-board-"));
  published = [];
  lines = [];
  answer = async () => {};
  const logger = pino({ level: "debug" }, { write: (line) => void lines.push(JSON.parse(line)) });
  const publish = (challenges: readonly Challenge[]): Promise<void> => {
    published.push(challenges);
    return answer();
  };
  board = new ChallengeBoard([new Storage(dir, directory)], publish, logger, 10);
});
afterEach(() => {
  board.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** Shows a challenge of its own and one of another machine. @returns its own, to be hidden. */
async function showTwo(): Promise<{ hide(): Promise<void> }> {
  const own = challengeOf("own");
  const showing = board.in(new Storage(dir, directory), kind);
  await new Storage(dir, directory).show(challengeOf("other"));
  await showing.show(own);
  await becomes(
    () => published.at(-1)!,
    ({ length }) => length === 2,
    "what is shown",
  );
  return { hide: () => showing.hide(own) };
}

test("a board that is stopped hides what it has shown, and leaves workers to its successor", async () => {
  const { hide } = await showTwo();
  board.stop();
  assert.deepEqual(published.at(-1), []);
  const { length } = published;
  await hide();
  await board.in(new Storage(dir, directory), kind).show(challengeOf("late"));
  board.stop();
  assert.equal(published.length, length);
});

test("workers that do not answer the end of a board are told of for debugging", async () => {
  await showTwo();
  answer = () => Promise.reject(new Error("no worker is there"));
  board.stop();
  const [line] = await becomes(
    () => lines,
    ({ length }) => length > 0,
    "the log",
  );
  assert.deepEqual([line!.level, line!.err.message], [20, "no worker is there"]);
});
