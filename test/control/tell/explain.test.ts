import assert from "node:assert/strict";
import { test } from "node:test";
import { readQuestion } from "../../../src/control/tell/explain.ts";
import type { ExplainRequest } from "../../../src/model/explanation.ts";
import type { Listener } from "../../../src/model/listener.ts";

const tcp: Listener["bind"] = { kind: "tcp", host: "0.0.0.0", port: 443 };
const plain = { tls: [], detect: false, chains: [] };
const web = { ...plain, name: "web", bind: tcp };
const mail = { ...plain, name: "mail", bind: tcp };
const local = { ...plain, name: "local", bind: { kind: "unix", path: "/run/x" } } as const;

function asked(query: string, listeners = [web] as Parameters<typeof readQuestion>[1]): ExplainRequest {
  const question = readQuestion(new URLSearchParams(query), listeners);
  assert.ok(question.ok, JSON.stringify(question));
  return question.value;
}

function complaint(query: string, listeners = [web] as Parameters<typeof readQuestion>[1]): string {
  const question = readQuestion(new URLSearchParams(query), listeners);
  assert.ok(!question.ok);
  return `${question.error.kind}: ${question.error.message}`;
}

test("what is not said is the one listener, and a client on this machine; a unix socket's client has no address", () => {
  const expected = {
    listener: "web",
    client: "127.0.0.1",
    via: undefined,
    serverName: "",
    alpn: [],
    protocol: undefined,
  };
  assert.deepEqual(asked(""), expected);
  assert.equal(asked("", [local]).client, "");
  assert.equal(asked("listener=mail", [web, mail]).listener, "mail");
});

test("addresses are spelt as the system spells those of connections", () => {
  for (const [text, address] of [
    ["10.1.2.3", "10.1.2.3"],
    ["::ffff:10.1.2.3", "10.1.2.3"],
    ["2001:DB8:0:0::0:1", "2001:db8::1"],
    ["[2001:db8::1]", "2001:db8::1"],
    ["FE80::1%eth0", "fe80::1%eth0"],
  ] as const)
    assert.equal(asked(`client=${encodeURIComponent(text)}`).client, address);
  assert.equal(asked("via=%3A%3A1").via, "::1");
});

test("protocols may be repeated, or stand between commas", () => {
  assert.deepEqual(asked("alpn=h2&alpn=mqtt").alpn, ["h2", "mqtt"]);
  assert.deepEqual(asked("alpn=h2,http/1.1,").alpn, ["h2", "http/1.1"]);
});

test("a mistyped question is answered with what was meant", () => {
  const both = [web, mail];
  assert.equal(complaint("listener=wbe", both), 'unknown: there is no listener "wbe"; did you mean "web"?');
  assert.equal(
    complaint("listener=xyzzy", both),
    'unknown: there is no listener "xyzzy"; there is web, mail',
  );
  assert.equal(complaint("", both), 'malformed: listener: say which one: "web" or "mail"');
  assert.match(complaint("snii=a"), /^malformed: snii: there is no such parameter; .*did you mean "sni"\?$/);
  assert.match(complaint("url=http%3A%2F%2Fa%2F&headr=a"), /^malformed: headr: .*did you mean "header"\?$/);
  assert.equal(complaint("method=POST"), "malformed: method: it needs a url");
  assert.equal(complaint("url=http%3A%2F%2Fa%2F"), 'malformed: no listener has mode = "http"');
  assert.match(complaint("protocol=http"), /^malformed: protocol: expected "tls", .*did you mean "http1"\?$/);
  for (const text of ["10.1.2", "localhost", "10.0.0.1:80", "1::2::3"])
    assert.match(
      complaint(`client=${encodeURIComponent(text)}`),
      /^malformed: client: expected an IP address/,
    );
});
