import * as z from "zod";
import { fieldName, method, pathPrefix, requestPath } from "./values.ts";

const yesOrNo = { error: "expected true or false" };

const modifiers = {
  not: z.boolean(yesOrNo).prefault(false).describe("The opposite: also where there is no value."),
  ignore_case: z.boolean(yesOrNo).prefault(false).describe("Compare letters of ASCII without their case."),
};

const valueExpected =
  'expected a text, or a table with one of exact, prefix, suffix, contains, regex, present, such as { prefix = "v1" }';

const valueText = z
  .string({ error: "expected a text" })
  .max(4_096, { error: "expected at most 4096 characters" });

const valueTable = z.strictObject({
  exact: valueText.optional().describe("The value is this."),
  prefix: valueText.optional().describe("It begins with this."),
  suffix: valueText.optional().describe("It ends with this."),
  contains: valueText.optional().describe("It has this somewhere."),
  regex: valueText.optional().describe("This regular expression (RE2) takes all of it."),
  present: z.boolean(yesOrNo).optional().describe("There is a value, or there is none."),
  ...modifiers,
});

const value = z.union([valueText, valueTable], { error: valueExpected });

export type ValueSettings = z.output<typeof value>;

const grpc = z.strictObject({
  service: z
    .string({ error: "expected a service's name" })
    .regex(/^[A-Za-z_][A-Za-z0-9_.]*$/, {
      error: 'expected a service with its package, such as "chat.v1.Chat"',
    })
    .describe("The service, with its package."),
  method: z
    .string({ error: "expected a method's name" })
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: 'expected a method\'s name, such as "Check"' })
    .optional()
    .meta({ description: "One of its methods.", "x-default": "all" }),
});

/** The conditions of one match; also keys of a route that has no `match`. */
export const conditions = {
  path: requestPath.optional().describe("The path is this."),
  path_prefix: pathPrefix
    .optional()
    .describe("The path is this or goes on below it: /api is /api and /api/x, not /apis."),
  path_regex: z
    .string({ error: "expected a regular expression" })
    .optional()
    .describe("This regular expression (RE2) takes the whole path."),
  grpc: grpc.optional().describe("Calls of a gRPC service."),
  methods: z
    .array(method, { error: 'expected a list of methods, such as ["GET", "POST"]' })
    .min(1, { error: "the list is empty; expected at least one method, or no key" })
    .optional()
    .meta({ description: "The method is one of these. Case counts.", "x-default": "all" }),
  headers: z
    .record(fieldName, value, { error: 'expected a table, such as { x-client = "app" }' })
    .optional()
    .describe("Conditions on header fields, by name."),
  query: z
    .record(z.string().min(1, { error: "expected a key of the query" }), value, {
      error: "expected a table, such as { beta = { present = true } }",
    })
    .optional()
    .describe("Conditions on keys of the query, decoded. The first of equal keys counts."),
};

export const match = z.strictObject({
  ...conditions,
  ignore_case: z
    .boolean(yesOrNo)
    .prefault(false)
    .describe("Compare the letters of the path without their case."),
});

export type MatchSettings = z.output<typeof match>;
