import * as z from "zod";
import { mayBeSecret } from "../../../model/access-log.ts";
import { integer, path } from "./values.ts";

const fieldExpected = 'expected the name of a field, such as "user-agent"';

/** Becomes lower case. */
const loggedField = z
  .string({ error: fieldExpected })
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/, { error: fieldExpected })
  .transform((text, context) => {
    const name = text.toLowerCase();
    if (!mayBeSecret(name)) return name;
    context.addIssue(`${JSON.stringify(text)} may have a secret in it, which no log gets; remove it`);
    return z.NEVER;
  })
  .meta({ "x-type": "name of a field" });

const fields = z
  .array(loggedField, { error: 'expected a list of fields, such as ["user-agent"]' })
  .max(32, { error: "expected at most 32 fields" })
  .prefault([]);

export const accessLog = z.strictObject({
  file: path.describe("The file. It is opened anew on SIGUSR2, so that another program can rename it."),
  format: z
    .enum(["json", "common", "combined", "template"])
    .prefault("json")
    .describe(
      "json: one object a line. common and combined: as Apache and nginx write them. template: as template says.",
    ),
  template: z
    .string({ error: "expected a text" })
    .min(1, { error: "expected a text, got nothing" })
    .max(4_096, { error: "expected at most 4096 characters" })
    .optional()
    .describe(
      "A line, with {status}, {request.user-agent} or {response.content-type}, say, for what is known of a request. Needs format template.",
    ),
  request_fields: fields.describe(
    "Fields of requests that lines of format json have; those with secrets are errors.",
  ),
  response_fields: fields.describe("The same for fields of answers."),
  trailer_fields: fields.describe("The same for fields behind the body of answers."),
});

export const logSampling = z.strictObject({
  percent: integer(0, 100)
    .prefault(100)
    .describe("How many of the requests that went well have a line, in percent, by chance."),
  errors: z
    .boolean({ error: "expected true or false" })
    .prefault(true)
    .describe("Whether all that failed have one: status 500 and above, and what a backend did not finish."),
});

export type AccessLogTable = z.output<typeof accessLog>;
