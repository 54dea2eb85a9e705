import type { Cors } from "../../../../model/http/cors.ts";
import type { TextTest } from "../../../../model/http/match.ts";
import { runtimePercent } from "../fraction.ts";
import { mapString } from "../match.ts";
import type { ApplyFilter } from "./registry.ts";

/** In milliseconds: what browsers do without Access-Control-Max-Age. */
const usualAge = 5_000;

/** `Cors`: the filter itself says nothing, the `CorsPolicy` of a route or its virtual host does. */
export const applyCors: ApplyFilter = async ({ own }, parts, _guards, mapping) => {
  if (own === undefined || runtimePercent(own.node("filter_enabled")) === 0) return;
  const origins: string[] = [];
  const tests: TextTest[] = [];
  for (const matcher of own.nodes("allow_origin_string_match")) {
    const test = await mapString(matcher, mapping);
    if (test === undefined) return;
    if (test.kind === "exact" && !test.ignoreCase) origins.push(test.value.toLowerCase());
    else tests.push(test);
  }
  const age = Number(own.text("max_age"));
  const cors: Cors = {
    origins,
    originTests: tests,
    methods: listOf(own.text("allow_methods")),
    headers: listOf(own.text("allow_headers")).map((name) => name.toLowerCase()),
    expose: listOf(own.text("expose_headers")).map((name) => name.toLowerCase()),
    credentials: own.flag("allow_credentials") === true,
    maxAge: own.text("max_age") === "" || !Number.isFinite(age) ? usualAge : age * 1_000,
  };
  parts.cors = cors;
};

const listOf = (text: string): readonly string[] =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
