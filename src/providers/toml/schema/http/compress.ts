import * as z from "zod";
import { codings } from "../../../../model/http/compression.ts";
import { size } from "./values.ts";

const codingExpected = 'expected a list of "zstd", "br" and "gzip"';
const typeExpected = 'expected a media type, such as "text/html", "text/*" or "+json"';

/** Becomes lower case. */
const type = z
  .string({ error: typeExpected })
  .regex(/^(?:\+[\w.-]+|[\w.+-]+\/(?:\*|[\w.+-]+))$/, { error: typeExpected })
  .refine((text) => text.toLowerCase() !== "text/event-stream", {
    error: "is never compressed: an event must not wait for the next one",
  })
  .transform((text) => text.toLowerCase())
  .meta({ "x-type": "media type" });

/** Types whose content is text, or as good as text. */
const usualTypes = [
  "text/*",
  "+json",
  "+xml",
  "application/json",
  "application/javascript",
  "application/xml",
  "application/wasm",
  "application/x-ndjson",
  "font/ttf",
  "font/otf",
  "image/bmp",
];

export const compress = z.strictObject({
  codings: z
    .array(z.enum(codings, { error: codingExpected }), { error: codingExpected })
    .min(1, { error: codingExpected })
    .prefault([...codings])
    .describe("Of those that a client likes best, the first in this order."),
  types: z
    .array(type, { error: "expected a list of media types" })
    .min(1, { error: "the list is empty, and nothing would be compressed" })
    .prefault(usualTypes)
    .describe(
      'What is compressed, by Content-Type: "text/*" is a whole kind, "+json" every type with that suffix.',
    ),
  min_size: size("0", "16MiB")
    .prefault("1KiB")
    .describe("An answer whose Content-Length is smaller goes as it is."),
});

export type CompressSettings = z.output<typeof compress>;
