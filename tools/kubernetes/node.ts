import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Api } from "../../src/providers/kubernetes/client/api.ts";
import { Follower } from "../../src/providers/kubernetes/client/follower.ts";
import { Pace } from "../../src/providers/kubernetes/client/pace.ts";
import { type KubeObject, keyOf } from "../../src/providers/kubernetes/meta.ts";
import { gatewayAddress, Pod } from "./pods.ts";
import type { ConfigMap, Container, Deployment, PodTemplate, Secret, Service, Volume } from "./workloads.ts";

export const nodeName = "pretend";
/** Of umay's own, which the conformance suite's programs may use. */
const kubeletPort = 10_250;

interface RunningPod {
  readonly pod: Pod;
  /** `namespace/name` of its Deployment, with the generation that it was made by. */
  readonly owner: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly template: PodTemplate;
}

export interface NodeOptions {
  readonly api: Api;
  /** The network namespace of the cluster. */
  readonly cluster: string;
  /** Where files of pods are put. */
  readonly folder: string;
  /** The program that runs for each container, whatever its image. */
  readonly program: string;
}

/**
 * A cluster's controllers and its one node, as far as the conformance suite needs them: a program for each replica of a
 * Deployment, a Pod object that is ready, and EndpointSlices of Services that select it.
 */
export class PretendNode {
  readonly #options: NodeOptions;
  readonly #pods = new Map<string, RunningPod>();
  readonly #deployments = new Map<string, Deployment>();
  readonly #services = new Map<string, Service>();
  readonly #secrets = new Map<string, Secret>();
  readonly #configMaps = new Map<string, ConfigMap>();
  /** Slices as they were written last. */
  readonly #slices = new Map<string, string>();
  readonly #followers: readonly Follower[];
  readonly #stop = new AbortController();
  #news = Promise.withResolvers<void>();

  constructor(options: NodeOptions) {
    this.#options = options;
    const pace = new Pace(1_000, 1_000);
    const follow = <T extends KubeObject>(path: string, map: Map<string, T>): Follower =>
      new Follower({
        api: options.api,
        pace,
        path,
        keep: {
          put: (key, object) => {
            map.set(key, object as T);
            this.#news.resolve();
          },
          remove: (key) => {
            map.delete(key);
            this.#news.resolve();
          },
        },
        tell: (problem) => problem && console.error(`node: ${path}: ${problem.message}`),
      });
    this.#followers = [
      follow("/apis/apps/v1/deployments", this.#deployments),
      follow("/api/v1/services", this.#services),
      follow("/api/v1/secrets", this.#secrets),
      follow("/api/v1/configmaps", this.#configMaps),
    ];
  }

  /** The output of a pod's program; undefined: there is no such pod. */
  logOf(namespace: string, name: string): string | undefined {
    return this.#pods.get(`${namespace}/${name}`)?.pod.log;
  }

  /** Registers the node, and runs what the cluster asks for until it is stopped. */
  async run(): Promise<void> {
    const { signal } = this.#stop;
    await this.#make("/api/v1/nodes", { metadata: { name: nodeName } });
    await this.#status(`/api/v1/nodes/${nodeName}`, {
      addresses: [{ type: "InternalIP", address: gatewayAddress }],
      daemonEndpoints: { kubeletEndpoint: { Port: kubeletPort } },
      conditions: [{ type: "Ready", status: "True", reason: "Pretended" }],
    });
    while (!signal.aborted) {
      await Promise.race([this.#news.promise, sleep(1_000)]);
      this.#news = Promise.withResolvers();
      await this.#bring().catch((error: Error) => console.error(`node: ${error.message}`));
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    for (const follower of this.#followers) follower.stop();
    await Promise.all(this.#pods.values().map(({ pod }) => pod.stop()));
  }

  async #bring(): Promise<void> {
    const wanted = new Map(
      this.#deployments.values().map((each) => [`${keyOf(each)} ${each.metadata.generation}`, each]),
    );
    for (const [key, { owner }] of this.#pods) if (!wanted.has(owner)) await this.#end(key);
    for (const [owner, deployment] of wanted) {
      const own = [...this.#pods].filter(([, pod]) => pod.owner === owner);
      // As a kubelet does, it waits for the volumes of a pod.
      const count = this.#hasVolumes(deployment) ? (deployment.spec.replicas ?? 1) : 0;
      for (const [key] of own.slice(count)) await this.#end(key);
      for (let index = own.length; index < count; index++) await this.#begin(owner, deployment);
      if (own.length !== count) await this.#tellDeployment(deployment, count);
    }
    for (const service of this.#services.values()) await this.#slice(service);
  }

  #hasVolumes({ metadata, spec }: Deployment): boolean {
    const { volumes = [] } = spec.template.spec;
    return volumes.every((volume) => this.#filesOf(metadata.namespace!, volume) !== undefined);
  }

  async #begin(owner: string, { metadata, spec }: Deployment): Promise<void> {
    // As of a ReplicaSet: the suite takes the last two parts off.
    const name = `${metadata.name}-${metadata.generation}-${Math.random().toString(36).slice(2, 7)}`;
    const namespace = metadata.namespace!;
    const { cluster, program } = this.#options;
    const container = spec.template.spec.containers[0]!;
    const pod = new Pod(cluster, { namespace, name, command: [program] });
    pod.start(this.#environment(container, spec.template.spec, { namespace, name, address: pod.address }));
    await pod.listening(container.ports?.[0]?.containerPort ?? 3_000);
    const labels = spec.template.metadata?.labels ?? {};
    this.#pods.set(`${namespace}/${name}`, { pod, owner, labels, template: spec.template.spec });
    const path = `/api/v1/namespaces/${namespace}/pods`;
    const containers = spec.template.spec.containers.map(({ name: of, image, ports }) => ({
      name: of,
      image,
      ports,
    }));
    const object = { metadata: { name, namespace, labels }, spec: { nodeName, containers } };
    await this.#make(path, object);
    await this.#status(`${path}/${name}`, {
      phase: "Running",
      podIP: pod.address,
      podIPs: [{ ip: pod.address }],
      conditions: ["Ready", "ContainersReady", "PodScheduled", "Initialized"].map((type) => ({
        type,
        status: "True",
      })),
      containerStatuses: containers.map(({ name: of, image }) => ({
        name: of,
        image,
        imageID: image,
        ready: true,
        restartCount: 0,
        started: true,
        state: { running: { startedAt: new Date().toISOString() } },
      })),
    });
  }

  async #end(key: string): Promise<void> {
    const [namespace, name] = key.split("/");
    const running = this.#pods.get(key)!;
    this.#pods.delete(key);
    for (const service of this.#services.values()) await this.#slice(service);
    await this.#ask("DELETE", `/api/v1/namespaces/${namespace}/pods/${name}?gracePeriodSeconds=0`).catch(
      () => {},
    );
    await running.pod.stop();
  }

  /** The variables of a container; volumes are folders, whose paths are put in place of their mounts. */
  #environment(
    { env = [], volumeMounts = [] }: Container,
    { volumes = [] }: PodTemplate,
    pod: { readonly namespace: string; readonly name: string; readonly address: string },
  ): Readonly<Record<string, string>> {
    const fields: Readonly<Record<string, string>> = {
      "metadata.name": pod.name,
      "metadata.namespace": pod.namespace,
      "status.podIP": pod.address,
    };
    const folders = volumeMounts.flatMap(({ name, mountPath }) => {
      const volume = volumes.find((each) => each.name === name);
      return volume === undefined ? [] : [[mountPath, this.#mount(pod, volume)] as const];
    });
    return Object.fromEntries(
      env.map(({ name, value = "", valueFrom }) => {
        const field = valueFrom?.fieldRef?.fieldPath;
        const text = field === undefined ? value : (fields[field] ?? "");
        return [name, folders.reduce((now, [mount, folder]) => now.replaceAll(mount, folder), text)];
      }),
    );
  }

  /** @returns the folder of a volume. */
  #mount(pod: { readonly namespace: string; readonly name: string }, volume: Volume): string {
    const folder = join(this.#options.folder, "volumes", pod.namespace, pod.name, volume.name);
    mkdirSync(folder, { recursive: true });
    const { items } = volume.secret ?? volume.configMap ?? {};
    for (const [key, content] of Object.entries(this.#filesOf(pod.namespace, volume) ?? {}))
      writeFileSync(join(folder, items?.find((item) => item.key === key)?.path ?? key), content);
    return folder;
  }

  /** By their keys; undefined: what the volume names is not there. */
  #filesOf(
    namespace: string,
    { secret, configMap }: Volume,
  ): Readonly<Record<string, string | Buffer>> | undefined {
    if (configMap !== undefined) {
      const found = this.#configMaps.get(`${namespace}/${configMap.name}`);
      return found && (found.data ?? {});
    }
    if (secret === undefined) return {};
    const found = this.#secrets.get(`${namespace}/${secret.secretName}`);
    const files = Object.entries(found?.data ?? {});
    return found && Object.fromEntries(files.map(([key, text]) => [key, Buffer.from(text, "base64")]));
  }

  async #tellDeployment({ metadata, spec }: Deployment, replicas: number): Promise<void> {
    await this.#status(`/apis/apps/v1/namespaces/${metadata.namespace}/deployments/${metadata.name}`, {
      observedGeneration: metadata.generation,
      replicas,
      readyReplicas: replicas,
      availableReplicas: replicas,
      updatedReplicas: spec.replicas ?? 1,
      conditions: [{ type: "Available", status: "True", reason: "Pretended", message: "" }],
    });
  }

  async #slice(service: Service): Promise<void> {
    const { selector, ports = [] } = service.spec ?? {};
    if (selector === undefined) return;
    const { name, namespace, uid } = service.metadata;
    const chosen = this.#pods
      .values()
      .filter(
        ({ pod, labels }) =>
          pod.spec.namespace === namespace &&
          Object.entries(selector).every(([key, value]) => labels[key] === value),
      )
      .toArray();
    const portOf = (target: string | number | undefined, port: number): number =>
      typeof target === "number"
        ? target
        : (chosen[0]?.template.containers
            .flatMap(({ ports: all = [] }) => all)
            .find((each) => each.name === target)?.containerPort ?? port);
    const body = {
      addressType: "IPv4",
      metadata: {
        name: `${name}-pretend`,
        namespace,
        labels: { "kubernetes.io/service-name": name, "endpointslice.kubernetes.io/managed-by": nodeName },
        ownerReferences: [{ apiVersion: "v1", kind: "Service", name, uid }],
      },
      ports: ports.map(({ name: of = "", port, targetPort, protocol = "TCP", appProtocol }) => ({
        name: of,
        port: portOf(targetPort, port),
        protocol,
        appProtocol,
      })),
      endpoints: chosen.map(({ pod }) => ({
        addresses: [pod.address],
        conditions: { ready: true, serving: true, terminating: false },
        nodeName,
        targetRef: { kind: "Pod", namespace, name: pod.spec.name },
      })),
    };
    const text = JSON.stringify(body);
    const key = `${keyOf(service)} ${uid}`;
    if (this.#slices.get(key) === text) return;
    const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
    await this.#make(path, body);
    await this.#ask("PATCH", `${path}/${body.metadata.name}`, body);
    this.#slices.set(key, text);
  }

  /** Makes an object, unless it is there. */
  async #make(path: string, body: object): Promise<void> {
    await this.#ask("POST", path, body).catch((error: { readonly status?: number }) => {
      if (error.status !== 409) throw error;
    });
  }

  async #status(path: string, status: object): Promise<void> {
    await this.#ask("PATCH", `${path}/status`, { status });
  }

  async #ask(method: "POST" | "PATCH" | "DELETE", path: string, body?: object): Promise<void> {
    await this.#options.api.json({ method, path, body, signal: this.#stop.signal });
  }
}
