import assert from "node:assert/strict";
import { test } from "node:test";
import type { HttpFront } from "../../../src/model/http/front.ts";
import { loadFile, problemsOf, typed } from "../../support/envoy.ts";

const extension = (name: string, fields: object = {}): object => ({
  name,
  typed_config: typed(`envoy.extensions.http.${name}`, fields),
});
const xff = (fields: object = {}): object => extension("original_ip_detection.xff.v3.XffConfig", fields);
const named = (fields: object = {}): object =>
  extension("original_ip_detection.custom_header.v3.CustomHeaderConfig", {
    header_name: "X-Real",
    ...fields,
  });
const early = (...mutations: readonly object[]): object =>
  extension("early_header_mutation.header_mutation.v3.HeaderMutation", { mutations });

async function frontOf(manager: object): Promise<HttpFront> {
  const { model, warnings } = await loadFile({ manager });
  assert.deepEqual(warnings, []);
  const { serve } = model.listeners[0]!.chains[0]!;
  assert.ok(serve.kind === "http");
  return serve.front;
}

const found = async (...extensions: readonly object[]): Promise<object> => {
  const { forwarded } = await frontOf({ original_ip_detection_extensions: extensions });
  const { trust, hops, clientFields } = forwarded;
  return { trust: trust.map(({ address, prefix }) => `${address}/${prefix}`), hops, clientFields };
};

test("clients are found by entries of X-Forwarded-For, by proxies' addresses, or by fields", async () => {
  const trust = ["0.0.0.0/0", "::/0"];
  assert.deepEqual(await found(xff({ skip_xff_append: false })), { trust, hops: 1, clientFields: undefined });
  assert.deepEqual(await found(xff({ xff_num_trusted_hops: 2 })), {
    trust,
    hops: 3,
    clientFields: undefined,
  });
  const cidrs = [{ address_prefix: "10.0.0.0", prefix_len: 8 }];
  assert.deepEqual(await found(xff({ xff_trusted_cidrs: { cidrs } })), {
    trust: ["10.0.0.0/8"],
    hops: undefined,
    clientFields: undefined,
  });
  const field = (refusal?: number): object => ({ name: "x-real", refusal });
  assert.deepEqual(await found(named({ allow_extension_to_set_address_as_trusted: true })), {
    trust,
    hops: 0,
    clientFields: [field()],
  });
  const codes = ["Unauthorized", "OK", "NotExtended"].map((code) => named({ reject_with_status: { code } }));
  assert.deepEqual(await found(...codes, xff()), {
    trust,
    hops: 1,
    clientFields: [field(401), field(403), field(510)],
  });
});

test("extensions that would be asked in vain, or that contradict others, are errors", async () => {
  const cidrs = [{ address_prefix: "10.0.0.0", prefix_len: 8 }];
  for (const [manager, expected] of [
    [{ original_ip_detection_extensions: [xff(), named()] }, /has to be the last/],
    [{ original_ip_detection_extensions: [xff()], use_remote_address: true }, /can't stand beside/],
    [{ original_ip_detection_extensions: [xff()], xff_num_trusted_hops: 1 }, /can't stand beside/],
    [
      { original_ip_detection_extensions: [xff({ xff_num_trusted_hops: 1, xff_trusted_cidrs: { cidrs } })] },
      /expected xff_num_trusted_hops or xff_trusted_cidrs/,
    ],
    [
      { original_ip_detection_extensions: [named(), xff({ xff_trusted_cidrs: { cidrs } })] },
      /believes everybody/,
    ],
    [{ original_ip_detection_extensions: [early()] }, /by XffConfig and CustomHeaderConfig only/],
    [{ early_header_mutation_extensions: [xff()] }, /expected envoy.*HeaderMutation/],
    [
      {
        early_header_mutation_extensions: [
          early({ remove_on_match: { key_matcher: { safe_regex: { regex: "x.*" } } } }),
        ],
      },
      /by a regular expression/,
    ],
    [{ early_header_mutation_extensions: [early({ remove: "host" })] }, /"host" cannot be edited/],
    [
      {
        early_header_mutation_extensions: [
          early({ append: { header: { key: "x", value: "%PROTOCOL%\r\ny: z" } } }),
        ],
      },
      /cannot be a field/,
    ],
  ] as const)
    assert.match((await problemsOf({ manager })).join("\n"), expected);
});

test("early changes of fields are those of each extension, one after the other", async () => {
  const { earlyFields } = await frontOf({
    early_header_mutation_extensions: [
      early({ append: { header: { key: "X-A", value: "1" } } }, { remove: "x-b" }),
      early({ append: { header: { key: "x-c", value: "%REQ(x-a)%" } } }),
    ],
  });
  assert.deepEqual(
    earlyFields!.map(({ add, remove }) => ({ add, remove })),
    [
      { add: { "x-a": ["1"] }, remove: ["x-b"] },
      { add: { "x-c": [{ header: "x-a" }] }, remove: [] },
    ],
  );
  assert.equal((await frontOf({})).earlyFields, undefined);
});
