import { parse } from "smol-toml";
import * as z from "zod";
import { listenerFor, readUrl } from "../../control/tell/asked-request.ts";
import { explainHttp } from "../../data/explain/http.ts";
import { mebibyte, readWhole } from "../../lib/read-file.ts";
import { servesOf } from "../../model/check/http/routes.ts";
import type { Listener } from "../../model/listener.ts";
import type { Model } from "../../model/model.ts";
import { routingOf } from "../explain-file.ts";

/** Requests with what shall become of them. */
const cases = z.strictObject({
  cases: z
    .array(
      z.strictObject({
        url: z.string(),
        method: z.string().prefault("GET"),
        headers: z.record(z.string(), z.string()).prefault({}),
        client: z.string().prefault("127.0.0.1"),
        listener: z.string().optional(),
        /** The route's name; empty: none. */
        route: z.string(),
        /** Of an answer that needs no backend. */
        status: z.int().optional(),
      }),
    )
    .min(1),
});

type Case = z.output<typeof cases>["cases"][number];

/** The differences, one line for each case that has some; empty: all is as expected. */
export interface CasesOutcome {
  readonly count: number;
  readonly differences: readonly string[];
}

/** @throws Error where the file can't be read, or is none of cases. */
export async function readCases(file: string): Promise<readonly Case[]> {
  const parsed = cases.safeParse(parse((await readWhole(file, mebibyte)).toString()));
  if (parsed.success) return parsed.data.cases;
  const { path, message } = parsed.error.issues[0]!;
  throw new Error(`${path.join(".") || "it"}: ${message}; expected [[cases]] with url and route`);
}

export async function runCases(model: Model, all: readonly Case[]): Promise<CasesOutcome> {
  const differences: string[] = [];
  const routings = new Map(model.listeners.map((listener) => [listener, routingOf(model, listener)]));
  const routingFor: RoutingFor = (listener) => routings.get(listener)!;
  for (const [index, one] of all.entries()) {
    const difference = await differenceOf(model, routingFor, one);
    if (difference !== undefined)
      differences.push(`case ${index + 1}, ${one.method} ${one.url}: ${difference}`);
  }
  return { count: all.length, differences };
}

type RoutingFor = (listener: Listener) => ReturnType<typeof routingOf>;

async function differenceOf(model: Model, routingFor: RoutingFor, one: Case): Promise<string | undefined> {
  const headers = Object.entries(one.headers).map(([name, value]) => `${name}: ${value}`);
  const question = readUrl({ ...one, headers });
  if (!question.ok) return question.error;
  const listener = listenerFor(question.value, model.listeners, one.listener);
  if (!listener.ok) return listener.error;
  const [serve] = servesOf(listener.value);
  const routing = (await routingFor(listener.value))!;
  const { http } = explainHttp(routing, serve!.front, {
    question: question.value,
    peer: one.client,
    // Over a connection of its own.
    isMisdirected: false,
  });
  const route = http.route ?? "";
  if (route !== one.route) return `expected ${named(one.route)}, got ${named(route)}`;
  const status = http.answer?.status;
  if (one.status === undefined || one.status === status) return undefined;
  return `expected an answer with ${one.status}, got ${status ?? "one of a backend"}`;
}

const named = (route: string): string => (route === "" ? "no route" : `route ${route}`);
