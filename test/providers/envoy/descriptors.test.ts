import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { envoyTypes } from "../../../src/providers/envoy/schema/registry.ts";
import { readDescriptors } from "../../support/envoy-descriptors.ts";
import { envoy } from "../../support/envoy-program.ts";

/** Google's, of which Envoy has no descriptor under this name. */
const elsewhere = new Set(["google.rpc.Status"]);

test("the tables have every field and every value that Envoy has, and no others", {
  skip: envoy === undefined && "no envoy on the PATH",
}, () => {
  const { messages, enums } = readDescriptors(readFileSync(envoy!));
  for (const [name, type] of envoyTypes()) {
    if (elsewhere.has(name)) continue;
    const descriptor = messages.get(name)?.field ?? enums.get(name)?.value;
    const expected = descriptor?.map((each) => `${each.number} ${each.name}`).sort();
    const got = (
      type.kind === "message"
        ? [...type.fields.values()].map((each) => `${each.number} ${each.name}`)
        : [...type.values].map(([key, number]) => `${number} ${key}`)
    ).sort();
    assert.deepEqual(got, expected, name);
  }
});
