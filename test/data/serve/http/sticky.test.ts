import assert from "node:assert/strict";
import { test } from "node:test";
import { backendFlag } from "../../../../src/channel/memory.ts";
import { stickyValue } from "../../../../src/data/decide/http/sticky.ts";
import type { Sticky } from "../../../../src/model/http/route.ts";
import { fakeBackends } from "../../../support/fake-plane.ts";
import { HttpScene, writtenTo } from "../../../support/http-scene.ts";
import { poolHttp } from "../../../support/pool-http.ts";

const routes = `[routes.all]
pool = "app"
retry = { on = ["connect-failed", "reset"], attempts = 3, backoff = { base = "0s", max = "0s" } }`;
const sticky = {
  cookie: "",
  field: "x-session",
  sameSite: "lax",
  maxAge: undefined,
} as const satisfies Sticky;
const sceneOf = (more: Partial<Sticky>): Promise<HttpScene> =>
  HttpScene.of(routes, { route: { sticky: { ...sticky, ...more } } });
const get = (value?: string): Buffer =>
  Buffer.from(
    `GET / HTTP/1.1\r\nHost: a.test\r\n${value === undefined ? "" : `X-Session: ${value}\r\n`}\r\n`,
  );
const answer = (fields = ""): string => `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n${fields}\r\nok`;
const [, second] = fakeBackends;
const named = stickyValue("app", second!.address);
const down = (scene: HttpScene, slot: number, flag: number): void => {
  scene.plane.shared.backendFlags[slot] = flag;
};

/** The status that a client gets which no backend is asked for. */
function refusal(scene: HttpScene, value: string): string {
  const client = scene.accept();
  client.receive(get(value));
  assert.equal(scene.plane.dialled.length, 0);
  return /^HTTP\/1.1 (\d+)/.exec(writtenTo(client))![1]!;
}

test("a strict client goes to the backend that it had, or gets 503 where that is down or gone", async () => {
  const scene = await sceneOf({ strict: true });
  const client = scene.accept();
  client.receive(get(named));
  scene.backend().send(answer());
  assert.equal(scene.plane.open.size, 1);
  assert.doesNotMatch(writtenTo(client), /x-session/i, "it has its value already");
  scene.finish();
  const without = scene.again();
  down(without, second!.slot, backendFlag.down);
  assert.equal(refusal(without, named), "503");
  without.finish();
  const gone = scene.again();
  assert.equal(refusal(gone, stickyValue("app", "192.0.2.9:80")), "503");
  gone.finish();
  const draining = scene.again();
  down(draining, second!.slot, backendFlag.draining);
  draining.accept().receive(get(named));
  assert.equal(draining.plane.dialled.length, 1, "until its clients have left");
  draining.backend().send(answer());
  draining.finish();
});

test("a client that names none, or something that is no value of umay's, gets any backend and the value of that", async () => {
  const scene = await sceneOf({ strict: true });
  for (const value of [undefined, "MTI3LjAuMC4xOjgw"]) {
    const client = scene.accept();
    client.receive(get(value));
    scene.backend().send(answer());
    assert.match(writtenTo(client), /\r\nx-session: [\w-]{11}\r\n/);
  }
  scene.finish();
});

test("a strict request that is sent again goes to the same backend, and is lost with it", async () => {
  const scene = await sceneOf({ strict: true });
  const client = scene.accept();
  client.receive(get(named));
  scene.backend().socket.fail("ECONNRESET");
  scene.backend().send(answer());
  assert.match(writtenTo(client), /^HTTP\/1.1 200/);
  assert.deepEqual(
    scene.requests.map(({ attempts }) => attempts?.map(({ backend }) => backend)),
    [[second!.address, second!.address]],
  );
  scene.finish();
  const refused = scene.again();
  const other = refused.accept();
  other.receive(get(named));
  for (let tries = 1; tries <= 3; tries++) {
    refused.plane.dialled[tries - 1]!.fail("ECONNREFUSED");
    refused.sweep(1_000);
  }
  assert.match(writtenTo(other), /^HTTP\/1.1 50[23]/);
  assert.deepEqual(
    refused.requests.map(({ attempts }) => new Set(attempts?.map(({ backend }) => backend))),
    [new Set([second!.address])],
  );
  refused.finish();
});

test("a cookie may be strict", async () => {
  const scene = await HttpScene.of('[routes.all]\npool = "app"\nsticky = { cookie = "at", strict = true }');
  const client = scene.accept();
  const value = stickyValue("app", "192.0.2.9:80");
  client.receive(Buffer.from(`GET / HTTP/1.1\r\nHost: a.test\r\nCookie: at=${value}\r\n\r\n`));
  assert.match(writtenTo(client), /^HTTP\/1.1 503/);
  scene.finish();
});

test("of backends that fields name, the first that may be had is taken, and the next where it can't be connected", async () => {
  const pool = { http: { ...poolHttp, backendFields: ["x-at", "x-or"] } };
  const scene = await HttpScene.of(routes, { pool });
  const [first, , third] = fakeBackends;
  const client = scene.accept();
  const fields = `X-Or: ${third!.address}\r\nX-At: 192.0.2.1:1, ${second!.address},${first!.address}\r\n`;
  client.receive(Buffer.from(`GET / HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n`));
  for (let tries = 1; tries <= 2; tries++) scene.plane.dialled.at(-1)!.fail("ECONNREFUSED");
  scene.backend().send(answer());
  assert.deepEqual(
    scene.requests.map(({ attempts }) => attempts?.map(({ backend }) => backend)),
    [[second!.address, first!.address, third!.address]],
  );
  scene.finish();
});

test("a backend's own field comes to it as it was, and to clients with the name of the backend in front", async () => {
  const scene = await sceneOf({ wraps: true });
  const client = scene.accept();
  client.receive(get(`${named}.id.1`));
  const backend = scene.backend();
  assert.match(backend.got, /\r\nx-session: id\.1\r\n/i);
  assert.doesNotMatch(backend.got, new RegExp(named));
  backend.send(answer("X-Session: id.1\r\n"));
  assert.match(writtenTo(client), new RegExp(`\r\nx-session: ${named}\\.id\\.1\r\n`));
  client.receive(get("id.1"));
  const next = scene.backend();
  assert.match(next.got, /\r\nx-session: id\.1\r\n/i, "a value that is not wrapped stays");
  next.send(answer());
  assert.equal(writtenTo(client).match(/x-session/gi)!.length, 1, "no field is made of nothing");
  scene.finish();
});
