import type { FieldEdits } from "../../../http/edits.ts";
import type { Fields } from "../../../http/message.ts";
import { readFields } from "../../../http/scan.ts";
import type { FieldChanges } from "../../../model/http/route.ts";
import { compileChanges, type TemplateFacts } from "./template.ts";

/** A request whose fields may be replaced. */
export interface EarlyRequest extends TemplateFacts {
  fields: Fields;
}

/** Changes to the fields of requests before anything looks at them. */
export class EarlyFields {
  /** One after the other: each sees what the ones before have made. */
  readonly #steps: readonly FieldEdits<TemplateFacts>[];

  private constructor(steps: readonly FieldEdits<TemplateFacts>[]) {
    this.#steps = steps;
  }

  /** @returns undefined where nothing changes. */
  static of(changes: readonly FieldChanges[] | undefined): EarlyFields | undefined {
    const steps = changes?.flatMap((each) => compileChanges(each, noRegex) ?? []);
    return steps === undefined || steps.length === 0 ? undefined : new EarlyFields(steps);
  }

  change(request: EarlyRequest): void {
    for (const step of this.#steps) {
      const { fields } = request;
      const marks = new Uint8Array(fields.count);
      step.mark(fields, marks);
      request.fields = readFields(fields.linesExcept(marks) + step.lines(request, fields));
    }
  }
}

/** The configuration is refused before that. */
const noRegex = (pattern: string): never => {
  throw new Error(`early changes have no regular expressions: ${pattern}`);
};
