import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { News } from "../../../src/providers/xds/news.ts";

/** `told` counts how often a listener was called. */
function scene(t: TestContext) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const news = new News();
  let told = 0;
  const listen = (): void => news.listen(() => told++);
  return { news, listen, pass: () => t.mock.timers.tick(50), told: () => told };
}

test("a burst of changes is told once, a while after its first one", (t) => {
  const { news, listen, pass, told } = scene(t);
  listen();
  for (let count = 0; count < 3; count++) news.tell();
  assert.equal(told(), 0);
  pass();
  assert.equal(told(), 1);
  news.tell();
  pass();
  assert.equal(told(), 2);
});

test("what came before anybody listened is told at once, and once", (t) => {
  const { news, listen, pass, told } = scene(t);
  news.tell();
  pass();
  listen();
  assert.equal(told(), 1);
  listen();
  pass();
  assert.equal(told(), 1);
});

test("what is forgotten is not told, be it under way or missed; after a stop nothing is", (t) => {
  const { news, listen, pass, told } = scene(t);
  news.tell();
  pass();
  news.tell();
  news.forget();
  pass();
  listen();
  assert.equal(told(), 0);
  news.tell();
  news.stop();
  news.tell();
  pass();
  assert.equal(told(), 0);
});
