import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Chains, type NameRefusal } from "../../../src/data/decide/chains.ts";
import { type Greeting, greetingOf } from "../../../src/data/decide/greeting.ts";
import { type Reception, receive } from "../../../src/data/decide/reception.ts";
import { type Chain, type Protocol, protocols } from "../../../src/model/chain.ts";
import type { ListenerTls } from "../../../src/model/listener.ts";
import { chainTo } from "../../support/chains.ts";

/** A listener that terminates TLS for *.test, but passes it through for p.test, and relays what is not TLS. */
function listener({ detect = false, strict = false } = {}) {
  const chains: readonly Chain[] = [
    chainTo("mqtt", { alpn: ["mqtt"] }, { tls: "terminate" }),
    chainTo("through", { sni: ["p.test"] }, { tls: "passthrough" }),
    chainTo("rest", {}, { tls: "terminate" }),
    ...(detect ? [chainTo("plain")] : []),
  ];
  const tls = { name: "tls", strictSni: strict, alpn: ["h2", "mqtt"] } as unknown as ListenerTls;
  const refuses = (_: string, name: string): NameRefusal | undefined =>
    name.endsWith(".test") ? undefined : "unknown_name";
  return {
    greeting: greetingOf({ detect, chains, tls: [tls] }, false),
    chains: new Chains(chains, strict ? refuses : undefined),
    alpnOf: () => tls.alpn,
  };
}

const nobody = { client: "", port: 0 };

const offer = (serverName: string, ...alpn: string[]) => ({ serverName, alpn });

function told(reception: Reception): readonly string[] {
  return reception.reason === null
    ? [reception.kind, reception.chain.name, reception.alpn]
    : [reception.kind, reception.reason];
}

test("a client is refused, passed through, terminated or relayed, and the first of them that holds counts", () => {
  const rows: readonly (readonly [
    Parameters<typeof listener>[0],
    Protocol,
    ReturnType<typeof offer>,
    string[],
  ])[] = [
    [{}, "tls", offer("a.test"), ["terminated", "rest", ""]],
    [{}, "tls", offer("a.test", "mqtt", "h2"), ["terminated", "rest", "h2"]],
    [{}, "tls", offer("a.test", "mqtt"), ["terminated", "mqtt", "mqtt"]],
    [{}, "tls", offer("p.test", "h2"), ["passed_through", "through", ""]],
    // An earlier chain takes the hello, so that the protocol is negotiated.
    [{}, "tls", offer("p.test", "mqtt", "h2"), ["terminated", "rest", "h2"]],
    [{}, "tls", offer("a.test", "acme"), ["disagreed", "no_application_protocol"]],
    [{}, "tls", offer("a.else", "h2"), ["terminated", "rest", "h2"]],
    [{ strict: true }, "tls", offer("a.else", "h2"), ["refused", "unknown_name"]],
    [{ strict: true }, "tls", offer("p.test"), ["passed_through", "through", ""]],
    [{}, "http1", offer(""), ["refused", "not_tls"]],
    [{ detect: true }, "http1", offer(""), ["none", "plain", ""]],
    [{ detect: true }, "tls", offer("a.test"), ["terminated", "rest", ""]],
  ];
  for (const [settings, protocol, offered, expected] of rows)
    assert.deepEqual(
      told(receive(listener(settings), protocol, offered, nobody)),
      expected,
      JSON.stringify(expected),
    );
});

test("where nothing is read, a client is relayed whatever it speaks, and its names are not known", () => {
  const nothing: Greeting = greetingOf({ detect: false, chains: [], tls: [] }, false);
  const relaying = { greeting: nothing, chains: new Chains([chainTo("app")]), alpnOf: () => [] };
  for (const protocol of protocols) {
    const reception = receive(relaying, protocol, offer("a.test", "h2"), nobody);
    assert.ok(reception.kind === "none");
    assert.deepEqual(reception.asked, {
      hello: undefined,
      session: { serverName: "", alpn: [], protocol: "other", ...nobody },
    });
  }
});

test("whoever is served has a chain that does with TLS as it is told, and asked names only where they were read", () => {
  const handlings = { terminated: "terminate", passed_through: "passthrough", none: undefined } as const;
  fc.assert(
    fc.property(
      fc.record({ detect: fc.boolean(), strict: fc.boolean() }),
      fc.constantFrom(...protocols),
      fc.constantFrom("", "a.test", "p.test", "a.else"),
      fc.subarray(["h2", "mqtt", "acme"]),
      (settings, protocol, serverName, alpn) => {
        const reception = receive(listener(settings), protocol, { serverName, alpn }, nobody);
        if (reception.reason !== null) return;
        const { kind, chain, asked } = reception;
        assert.equal(chain.tls, handlings[kind]);
        assert.equal(asked.hello?.serverName, protocol === "tls" ? serverName : undefined);
        assert.equal(asked.session === undefined, kind === "passed_through");
        assert.ok(reception.alpn === "" || alpn.includes(reception.alpn));
      },
    ),
  );
});
