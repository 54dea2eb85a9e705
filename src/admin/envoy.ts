import { longJson } from "../lib/long-json.ts";
import { type Answer, jsonType, textType } from "./send.ts";

/** Answers a request by its query. */
export type Ask = (query: URLSearchParams) => Answer | Promise<Answer>;

/** The paths of Envoy's admin server that umay has beside its own, where it is configured as Envoy is. */
export interface EnvoyPaths {
  /** For GET and HEAD. */
  readonly looks: ReadonlyMap<string, Ask>;
  /** For POST: these change something. */
  readonly changes: ReadonlyMap<string, Ask>;
}

export const plainText = (body: Answer["body"], status = 200): Answer => ({
  status,
  contentType: textType,
  body,
});

/** @param value plain data, with members that are made when they are sent. */
export const jsonText = (value: object): Answer => ({
  status: 200,
  contentType: jsonType,
  body: longJson(value, 1),
});
