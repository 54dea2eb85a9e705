import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Applier, manifestsOf } from "../apply.ts";
import { namespaceObject } from "./objects.ts";
import { check, type Figures, type World } from "./world.ts";

const folder = join(import.meta.dirname, "../../../contrib/helm/umay");

/** Values, by the name of a case. */
const cases: Readonly<Record<string, readonly string[]>> = {
  default: [],
  namespaces: ["kubernetes.namespaces={shop,blog}"],
  daemonSet: ["kind=DaemonSet"],
  hostNetwork: ["hostNetwork=true", "admin.host=127.0.0.1", "kubernetes.addressPool={10.0.0.1}"],
  autoscaling: ["autoscaling.enabled=true"],
  withoutStatus: ["kubernetes.status=false"],
  withoutIngress: ["kubernetes.ingressClass="],
  internal: [
    "kubernetes.gatewayClass=internal",
    "kubernetes.ingressClass=internal",
    "kubernetes.gatewayController=internal.umay.dev/gateway-controller",
    "kubernetes.ingressController=internal.umay.dev/ingress-controller",
    "admin.host=::",
    "service.type=NodePort",
    "priorityClassName=system-cluster-critical",
    "podAnnotations.a=b",
    "imagePullSecrets[0].name=x",
    "nodeSelector.disk=fast",
    "tolerations[0].key=x",
    "tolerations[0].operator=Exists",
  ],
};

/** A real API server takes what the chart makes, without a field that it does not know. */
export async function chart(world: World): Promise<Figures> {
  const helm = [process.env["HELM"] ?? "", join(world.folder, "helm"), "/usr/local/bin/helm"].find(
    existsSync,
  );
  check(helm !== undefined, "there is no helm: name one with HELM");
  for (const name of ["umay", "shop", "blog"]) await world.apply(namespaceObject(name));
  const counts: Record<string, number> = {};
  for (const [name, values] of Object.entries(cases)) {
    const args = ["template", "--kube-version", "1.36.0", name.toLowerCase(), folder, "--namespace", "umay"];
    const text = execFileSync(helm, [...args, ...values.flatMap((value) => ["--set", value])], {
      encoding: "utf8",
    });
    const dry = new Applier(world.admin, { dryRun: true });
    const real = new Applier(world.admin, {});
    const objects = manifestsOf(text);
    for (const object of objects) {
      await dry.apply(object).catch((error: Error) => {
        throw new Error(`${name}: ${object.kind} ${object.metadata.name}: ${error.message}`);
      });
      await real.apply(object);
    }
    counts[name] = objects.length;
  }
  return { helm: execFileSync(helm, ["version", "--short"], { encoding: "utf8" }).trim(), objects: counts };
}
