import { homedir } from "node:os";
import { join } from "node:path";
import { readQuestion } from "../../control/tell/explain.ts";
import * as compiler from "../../data/serve/http/trial.ts";
import type { Explanation } from "../../model/explanation.ts";
import type { Model } from "../../model/model.ts";
import { lookAt } from "../../providers/kubernetes/look.ts";
import { hasConfig } from "../../providers/toml/find.ts";
import { loadConfig, loadConfigText } from "../../providers/toml/load.ts";
import { discoverFor } from "../discover.ts";
import { exitCode, printError } from "../exit.ts";
import { explainModel } from "../explain-file.ts";
import { orExplain } from "../load.ts";
import { listenersOf, readTarget } from "./target.ts";
import { troublesOf } from "./troubles.ts";

/** The object of a cluster that is asked about. */
export interface ClusterChoice {
  /** `gateway/name` or `ingress/name`. */
  readonly kubernetes: string;
  /** Of the object; undefined: the kubeconfig's. */
  readonly namespace?: string | undefined;
  /** Whose `[kubernetes]` counts; undefined: as for a start, or else the defaults. */
  readonly config?: string | undefined;
}

/**
 * Explains a connection or a request as a umay that was just started in the cluster would treat it.
 * @returns the exit code when there is no explanation; the reason was written to standard error.
 */
export async function askCluster(
  choice: ClusterChoice,
  query: URLSearchParams,
): Promise<Explanation | number> {
  const model = await orExplain(readModel(choice.config));
  if (model === undefined) return exitCode.badConfig;
  const settings = { ...model.kubernetes!, kubeconfig: model.kubernetes!.kubeconfig || usualKubeconfig() };
  try {
    using look = await lookAt(settings, process.env, compiler);
    const target = readTarget(choice.kubernetes, choice.namespace ?? look.namespace);
    if (!target.ok) return wrong(target.error);
    const troubles = troublesOf(target.value, look);
    const listeners = listenersOf(target.value, look, settings, query.get("listener") ?? undefined);
    if (!listeners.ok) return failed([listeners.error, ...troubles]);
    query.delete("listener");
    const question = readQuestion(query, listeners.value);
    if (!question.ok) return wrong(question.error.message);
    const served = { ...model, ...look.translation.model };
    const answer = await explainModel(served, question.value, look.server, discoverFor(look));
    return { ...answer, notes: [...answer.notes, ...troubles] };
  } catch (error) {
    return failed([(error as Error).message]);
  }
}

/** A configuration with a cluster: the one that there is, where it has one, or one of defaults. */
async function readModel(file: string | undefined): Promise<Model> {
  const [env, cwd] = [process.env, process.cwd()];
  if (await hasConfig(file, env, cwd)) {
    const { model } = await loadConfig({ file, env, cwd });
    if (model.kubernetes !== undefined) return model;
  }
  const { model } = await loadConfigText("[kubernetes]", { name: "the defaults", directory: cwd, env });
  return model;
}

/** As kubectl finds it; empty: umay's own pod. */
function usualKubeconfig(): string {
  const { KUBECONFIG = "", KUBERNETES_SERVICE_HOST } = process.env;
  if (KUBECONFIG !== "") return KUBECONFIG;
  return KUBERNETES_SERVICE_HOST === undefined ? join(homedir(), ".kube/config") : "";
}

function wrong(message: string): number {
  printError(message);
  return exitCode.usage;
}

function failed(messages: readonly string[]): number {
  printError(messages.join("\n  "));
  return exitCode.failed;
}
