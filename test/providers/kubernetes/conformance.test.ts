import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { featuresOf } from "../../../src/providers/kubernetes/translate/features.ts";
import { readTests, testsOf } from "../../../tools/kubernetes/report.ts";

const folder = join(import.meta.dirname, "../../../docs/conformance");
const read = (name: string): unknown => parse(readFileSync(join(folder, name), "utf8"));

interface Status {
  readonly result: string;
  readonly failedTests?: readonly string[];
  readonly skippedTests?: readonly string[];
}

interface Profile {
  readonly name: string;
  readonly core: Status;
  readonly extended?: Status & { readonly supportedFeatures?: readonly string[] };
}

/** The suite has no test that relies on them: http-routes.test.ts and the tests of retries have. */
const untested = ["HTTPRouteRetryBackendTimeout", "HTTPRouteRetryConnectionError"];

const { profiles } = read("report.yaml") as { readonly profiles: readonly Profile[] };
const tests = readTests(read("tests.yaml") as Readonly<Record<string, string>>);

test("every test of the published report passed", () => {
  assert.deepEqual(
    profiles.map(({ name }) => name),
    ["GATEWAY-GRPC", "GATEWAY-HTTP", "GATEWAY-TCP", "GATEWAY-TLS"],
  );
  for (const { name, core, extended } of profiles)
    for (const status of [core, extended])
      if (status !== undefined)
        assert.deepEqual(
          [name, status.result, status.failedTests ?? [], status.skippedTests ?? []],
          [name, "success", [], []],
        );
  assert.deepEqual(
    Object.entries(tests).filter(([, { outcome }]) => outcome !== "passed"),
    [],
  );
});

test("umay claims the features that a passed test relies on, and no others", () => {
  const shown = new Set(Object.values(tests).flatMap(({ features }) => features));
  const claimed = featuresOf({ addressPool: ["192.0.2.1"] });
  assert.deepEqual(
    claimed.filter((feature) => !untested.includes(feature)),
    [...shown].sort(),
  );
  assert.deepEqual(claimed, [...claimed].sort());
  const reported = new Set(profiles.flatMap(({ extended }) => extended?.supportedFeatures ?? []));
  assert.deepEqual(
    [...reported].filter((feature) => !claimed.includes(feature)),
    [],
  );
});

test("the suite's output is read with the features of each test", () => {
  const output = `
=== RUN   TestConformance/One
    conformance.go:84: 2026-01-01T00:00:00Z: Running One, relying on the following features: HTTPRoute-standard, Gateway-standard
--- FAIL: TestConformance (3.00s)
    --- PASS: TestConformance/One (1.00s)
        --- PASS: TestConformance/One/Part (1.00s)
    --- SKIP: TestConformance/Other (0.00s)
    --- FAIL: TestConformance/Bad (1.00s)
`;
  assert.deepEqual(testsOf(output), {
    Bad: { outcome: "failed", features: [] },
    One: { outcome: "passed", features: ["Gateway", "HTTPRoute"] },
  });
});
