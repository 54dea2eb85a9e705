import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { SecureContext } from "node:tls";
import { CertificateStore } from "../../../src/data/accept/certificates.ts";
import { Chains } from "../../../src/data/decide/chains.ts";
import { decide } from "../../../src/data/decide/http/decide.ts";
import { isMisdirected } from "../../../src/data/decide/misdirected.ts";
import type { Chain, Serve } from "../../../src/model/chain.ts";
import type { HttpFront } from "../../../src/model/http/front.ts";
import type { Certificate } from "../../../src/model/material.ts";
import { chainTo } from "../../support/chains.ts";
import { requestOf, routeOf, routingOf } from "./http/scene.ts";

const peer = { client: "192.0.2.1", port: 0 };

const certificate = (...names: string[]): Certificate => ({
  source: { kind: "file", cert: names[0]!, key: "" },
  cert: "",
  key: "",
  subject: "",
  keyType: "ec",
  names,
  notAfter: 0,
});

const http = (routes: string): { readonly serve: Serve } => ({
  serve: { kind: "http", routes, fallback: undefined, front: {} as HttpFront },
});

/** Whether requests for hosts are misdirected on a connection with that name. */
function judge(certificates: readonly Certificate[], chains: readonly Chain[]) {
  const store = new CertificateStore(certificates, () => ({}) as SecureContext);
  const listener = { chains: new Chains(chains), terminationOf: () => store };
  return (serverName: string, host: string, settings = "tls"): boolean =>
    isMisdirected(listener, { settings, serverName, alpn: "h2" }, peer, host);
}

const terminated = { tls: "terminate", settings: "tls" } as const;
const one = [chainTo("web", {}, { ...terminated, ...http("all") })];

describe("a request whose host has another certificate than its connection", () => {
  const judged = judge(
    [certificate("a.test", "*.a.test"), certificate("b.test"), certificate("*.a.test", "c.test")],
    one,
  );

  test("is misdirected where the connection's own does not cover it", () => {
    assert.equal(judged("a.test", "b.test"), true);
    assert.equal(judged("b.test", "a.test"), true);
    assert.equal(judged("b.test", "x.a.test"), true);
  });

  test("is not where that covers it too, whichever comes first", () => {
    assert.equal(judged("a.test", "a.test"), false);
    assert.equal(judged("a.test", "x.a.test"), false);
    assert.equal(judged("c.test", "x.a.test"), false);
    assert.equal(judged("x.a.test", "a.test"), false);
  });

  test("is not where no other certificate would do better, or the client named nobody or no host", () => {
    assert.equal(judged("a.test", "unknown.test"), false);
    assert.equal(judged("unknown.test", "a.test"), false, "the default, which covers it");
    assert.equal(judged("unknown.test", "b.test"), true);
    assert.equal(judged("", "b.test"), false);
    assert.equal(judged("a.test", ""), false);
  });
});

describe("a request whose host has another chain than its connection", () => {
  const all = [certificate("a.test", "b.test", "c.test", "d.test", "e.test")];
  const judged = judge(all, [
    chainTo("through", { sni: ["b.test"] }, { tls: "passthrough", settings: undefined }),
    chainTo("relayed", { sni: ["c.test"] }, { ...terminated }),
    chainTo("same", { sni: ["d.test"] }, { ...terminated, ...http("all") }),
    chainTo("strict", { sni: ["e.test"] }, { tls: "terminate", settings: "strict", ...http("all") }),
    chainTo("web", {}, { ...terminated, ...http("all") }),
  ]);

  test("is misdirected where that passes TLS through, relays, or terminates TLS on other terms", () => {
    for (const host of ["b.test", "c.test", "e.test"])
      for (const serverName of ["a.test", ""]) assert.equal(judged(serverName, host), true, host);
    assert.equal(judged("e.test", "a.test", "strict"), true);
  });

  test("is not where it has the same routes", () => {
    assert.equal(judged("a.test", "d.test"), false);
    assert.equal(judged("d.test", "a.test"), false);
    assert.equal(judged("", "a.test"), false);
  });
});

test("a misdirected request is refused before its routes are looked at, unless the listener passes it", async () => {
  const routes = [["", routeOf("all")]] as const;
  const request = requestOf("/", { isMisdirected: true });
  const refused = decide(await routingOf(routes), request);
  assert.ok(refused.kind === "refuse");
  assert.deepEqual([refused.reason, refused.rule], ["misdirected", undefined]);
  assert.equal(decide(await routingOf(routes, { misdirected: "pass" }), request).kind, "forward");
});
