import assert from "node:assert/strict";
import { test } from "node:test";
import * as compiler from "../../../src/data/serve/http/trial.ts";
import { KubernetesProvider } from "../../../src/providers/kubernetes/provider.ts";
import { ConfigError, type Proposal, type Provider } from "../../../src/providers/provider.ts";

test("a cluster that umay can't get to by what the configuration says is an error of the configuration", async () => {
  const own = { model: { kubernetes: { kubeconfig: "/nowhere/kubeconfig" } } } as unknown as Proposal;
  const base = { source: "umay.toml", propose: () => Promise.resolve(own) } as unknown as Provider;
  await assert.rejects(new KubernetesProvider(base, async () => compiler).propose(), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.match(error.message, /^umay\.toml: kubernetes: \/nowhere\/kubeconfig does not exist/);
    return true;
  });
});
