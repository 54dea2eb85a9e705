import { continueHead } from "../../../../http/answer.ts";
import { fieldIds } from "../../../../http/field-names.ts";
import { readFields } from "../../../../http/scan.ts";
import type { ExchangeClient } from "../client.ts";
import type { RequestView } from "../view.ts";
import type { ProcessedHead } from "./processed-head.ts";

/** A client that waits for a word before it sends its body gets that now: somebody is to have the body before any backend. */
export function letBodyCome(view: RequestView, head: ProcessedHead, { response }: ExchangeClient): void {
  if (!head.expectsContinue) return;
  head.expectsContinue = false;
  const { fields } = view;
  const marks = new Uint8Array(fields.count);
  for (let at = fields.find(fieldIds.expect); at >= 0; at = fields.find(fieldIds.expect, at + 1))
    marks[at] = 1;
  view.fields = readFields(fields.linesExcept(marks));
  response.interim(continueHead);
}
