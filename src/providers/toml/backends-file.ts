import { dirname } from "node:path";
import * as z from "zod";
import type { Finding } from "../../lib/findings.ts";
import { joinSome } from "../../lib/join-some.ts";
import { describeReadError, mebibyte, readWhole } from "../../lib/read-file.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import type { Backend } from "../../model/backend.ts";
import { ConfigError, type ConfigProblem } from "../provider.ts";
import { unreadable } from "./errors.ts";
import { explainIssue } from "./explain.ts";
import { parseConfig, parseJson } from "./parse.ts";
import { decodeText } from "./read.ts";
import { readJsonPositions } from "./report/json-positions.ts";
import { locate } from "./report/locate.ts";
import { readPositions } from "./report/positions.ts";
import { resolveBackends } from "./resolve/addresses.ts";
import type { SchemaNode } from "./schema/nodes.ts";
import { backendsFile } from "./schema/pool.ts";

/**
 * Reads a file of backends: JSON when its name ends in `.json`, TOML otherwise.
 * @returns the backends, at least one, or the problems, each with file, line and column. Never rejects.
 */
export async function loadBackends(file: string): Promise<Result<readonly Backend[], string>> {
  try {
    return ok(await readBackends(file));
  } catch (error) {
    if (error instanceof ConfigError) return err(joinSome(error.problems.map(describe)));
    // Whatever a file holds, it is no reason to end.
    return err(`${file}: could not be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** @throws ConfigError */
async function readBackends(file: string): Promise<readonly Backend[]> {
  const bytes = await readWhole(file, 16 * mebibyte).catch((error: unknown) => {
    throw unreadable(file, describeReadError(error));
  });
  const text = decodeText(bytes, file);
  const json = file.endsWith(".json");
  const tree = json ? await parseJson(text, file) : await parseConfig(text, file);
  const findings: Finding[] = [];
  let backends: readonly Backend[] = [];
  const parsed = backendsFile.safeParse(tree);
  if (parsed.success)
    backends = resolveBackends(parsed.data.backends, ["backends"], dirname(file), (finding) =>
      findings.push(finding),
    );
  else for (const issue of parsed.error.issues) findings.push(...explainIssue(issue, tree, schemaOf()));
  if (findings.length === 0) return backends;
  const located = { name: file, text, overrides: [] };
  throw new ConfigError(await locate(findings, [], located, json ? readJsonPositions : readPositions));
}

function schemaOf(): SchemaNode {
  return z.toJSONSchema(backendsFile, { target: "draft-07", io: "input" }) as SchemaNode;
}

function describe({ where, path, message, hint }: ConfigProblem): string {
  const text = [where, path, message].filter(Boolean).join(": ");
  return hint === undefined ? text : `${text}; ${hint}`;
}
