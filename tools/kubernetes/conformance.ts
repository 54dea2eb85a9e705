import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdirSync, mkdtempDisposableSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readAccess } from "../../src/providers/kubernetes/client/access.ts";
import { Api } from "../../src/providers/kubernetes/client/api.ts";
import { apply } from "./apply.ts";
import { poolAddresses } from "./pods.ts";
import { writeReport } from "./report.ts";

/*
 * `cluster.ts FOLDER node tools/kubernetes/conformance.ts [FLAG…]` runs umay and the conformance suite of the Gateway API.
 * Flags go to the suite, such as `-run-test HTTPRouteSimpleSameNamespace`. umay's log is in the file CONFORMANCE_LOG. With
 * CONFORMANCE_REPORT, a folder, the outcome is written there.
 */
const {
  KUBECONFIG = "",
  UMAY_KUBECONFIG = "",
  UMAY_BIN = "",
  KUBERNETES_FOLDER = "",
  KUBERNETES_SERVER = "",
  CONFORMANCE_LOG = "/dev/null",
  CONFORMANCE_REPORT,
} = process.env;
/** How long umay has to be ready, in milliseconds. */
const patience = 60_000;
/** Addresses that umay has; of the two behind them tests say that it has not. */
const own = poolAddresses.slice(0, -2);

using dir = mkdtempDisposableSync(join(tmpdir(), "umay-conformance-"));
const config = join(dir.path, "umay.toml");
writeFileSync(
  config,
  `workers = 2
admin.bind = "127.0.0.1:9901"
[kubernetes]
kubeconfig = ${JSON.stringify(UMAY_KUBECONFIG)}
address_pool = ${JSON.stringify(own)}
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
umay.stdout.pipe(createWriteStream(CONFORMANCE_LOG));
const ended = once(umay, "exit");
for (const deadline = performance.now() + patience; ; await sleep(200)) {
  const answer = await fetch("http://127.0.0.1:9901/readyz").catch(() => undefined);
  if (answer?.ok === true) break;
  if (performance.now() > deadline) throw new Error("umay is not ready");
}
const report = join(dir.path, "report.yaml");
const suite = spawn(
  join(KUBERNETES_FOLDER, "conformance.test"),
  [
    "-test.v",
    "-test.timeout=60m",
    "-gateway-class=umay",
    // The last one is the last to be given to another Gateway.
    `-usable-address=${own.at(-1)}`,
    `-unusable-address=${poolAddresses.at(-1)}`,
    ...(CONFORMANCE_REPORT === undefined ? [] : [`-report-output=${report}`, ...aboutUmay()]),
    ...process.argv.slice(2),
  ],
  { stdio: ["ignore", "pipe", "inherit"] },
);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => suite.kill(signal));
let output = "";
suite.stdout.setEncoding("utf8").on("data", (text: string) => {
  output += text;
  process.stdout.write(text);
});
const [code] = (await once(suite, "close")) as [number | null];
umay.kill("SIGTERM");
await ended;
api.close();
if (CONFORMANCE_REPORT !== undefined) {
  mkdirSync(CONFORMANCE_REPORT, { recursive: true });
  writeReport(CONFORMANCE_REPORT, report, output, KUBERNETES_SERVER);
}
process.exitCode = code ?? 1;

/** Flags that say whose report it is. */
function aboutUmay(): readonly string[] {
  const { name, version } = JSON.parse(
    readFileSync(resolve(import.meta.dirname, "../../package.json"), "utf8"),
  ) as { readonly name: string; readonly version: string };
  return [
    `-organization=${name}`,
    `-project=${name}`,
    `-version=${version}`,
    // There is no public place of umay's yet, and the suite takes no empty ones.
    "-url=none yet",
    "-contact=none yet",
  ];
}
