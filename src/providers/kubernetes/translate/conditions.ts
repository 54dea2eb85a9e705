import type { Condition, KubeObject } from "../meta.ts";

/** Makes conditions of one object, for its present generation. */
export const conditionsOf =
  ({ metadata: { generation } }: KubeObject) =>
  (type: string, status: boolean, reason: string, message: string): Condition => ({
    type,
    status: status ? "True" : "False",
    reason,
    // The API server takes no longer ones.
    message: message.slice(0, 32_768),
    ...(generation !== undefined && { observedGeneration: generation }),
  });

/** Why a reference leads nowhere: a reason of Gateway API, and a sentence. */
export interface Problem {
  readonly reason: string;
  readonly message: string;
}

export const problem = (reason: string, message: string): Problem => ({ reason, message });

/** The message of several problems, for the reason of the first. */
export const messages = (problems: readonly Problem[]): string =>
  [...new Set(problems.map(({ message }) => message))].join("; ");
