import { spawnSync } from "node:child_process";
import { writeKubeconfig } from "../api-server.ts";
import { gatewayObject, route, service, slice } from "./objects.ts";
import { check, type Figures, umay, type World } from "./world.ts";

/** `umay explain` tells of a cluster without a umay in it, with no more rights than to look. */
export async function explain(world: World): Promise<Figures> {
  await world.apply(service("app"), slice("app", { "10.244.1.101": "ready" }), gatewayObject("web", 8000));
  await world.apply(route("app", "app.test", "app"), route("lost", "lost.test", "nowhere"));
  const KUBECONFIG = writeKubeconfig(world.dir, world.server.url, "umay");
  const ask = (url: string): string => {
    const args = [umay, "explain", "--kubernetes", "gateway/shop/web", url];
    return spawnSync(process.execPath, args, { encoding: "utf8", env: { KUBECONFIG }, cwd: world.dir })
      .stdout;
  };
  const [good, lost] = [ask("http://app.test:8000/"), ask("http://lost.test:8000/")];
  check(good.startsWith("served by 10.244.1.101:8080 of pool shop/app:80, route shop/app/0"), good);
  check(lost.startsWith("not served: invalid_backend"), lost);
  check(lost.includes("HTTPRoute shop/lost: ResolvedRefs is False (BackendNotFound)"), lost);
  const asked = world.server.audited("system:serviceaccount:umay:umay").map(({ verb }) => verb);
  check(
    asked.every((verb) => ["list", "watch", "get"].includes(verb)),
    `it did ${asked.join(", ")}`,
  );
  return { requests: asked.length };
}
