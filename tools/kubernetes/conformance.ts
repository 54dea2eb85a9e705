import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readAccess } from "../../src/providers/kubernetes/client/access.ts";
import { Api } from "../../src/providers/kubernetes/client/api.ts";
import { apply } from "./apply.ts";
import { poolAddresses } from "./pods.ts";

/*
 * `cluster.ts FOLDER node tools/kubernetes/conformance.ts [FLAG…]` runs umay and the conformance suite of the Gateway API.
 * Flags go to the suite, such as `-run-test HTTPRouteSimpleSameNamespace`. umay's log is in the file CONFORMANCE_LOG.
 */
const {
  KUBECONFIG = "",
  UMAY_KUBECONFIG = "",
  UMAY_BIN = "",
  KUBERNETES_FOLDER = "",
  CONFORMANCE_LOG,
} = process.env;
/** How long umay has to be ready, in milliseconds. */
const patience = 60_000;

using dir = mkdtempDisposableSync(join(tmpdir(), "umay-conformance-"));
const config = join(dir.path, "umay.toml");
writeFileSync(
  config,
  `workers = 2
admin.bind = "127.0.0.1:9901"
[kubernetes]
kubeconfig = ${JSON.stringify(UMAY_KUBECONFIG)}
address_pool = ${JSON.stringify(poolAddresses.slice(0, -2))}
lease = "umay"
`,
);
const api = new Api(await readAccess(KUBECONFIG, process.env));
await apply(
  api,
  `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: umay }
spec: { controllerName: umay.dev/gateway-controller }
`,
);
const umay = spawn(process.execPath, [UMAY_BIN, "--config", config], {
  stdio: ["ignore", "pipe", "inherit"],
});
umay.stdout.pipe(createWriteStream(CONFORMANCE_LOG ?? "/dev/null"));
const ended = once(umay, "exit");
for (const deadline = performance.now() + patience; ; await sleep(200)) {
  const answer = await fetch("http://127.0.0.1:9901/readyz").catch(() => undefined);
  if (answer?.ok === true) break;
  if (performance.now() > deadline) throw new Error("umay is not ready");
}
const suite = spawn(
  join(KUBERNETES_FOLDER, "conformance.test"),
  ["-test.v", "-test.timeout=60m", "-gateway-class=umay", ...process.argv.slice(2)],
  { stdio: "inherit" },
);
const [code] = (await once(suite, "exit")) as [number | null];
umay.kill("SIGTERM");
await ended;
api.close();
process.exitCode = code ?? 1;
