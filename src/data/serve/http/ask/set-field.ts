import { eachField, int32In } from "../../../../lib/wire.ts";
import type { AnswerField } from "../../../guard/step.ts";

/** A field that a server wants set, in lower case. `appends`: beside others of its name. */
export interface SetField {
  readonly name: string;
  /** A character per byte. */
  readonly value: string;
  readonly appends: boolean;
}

/** A field that is set, and how it is where it is one of an answer. */
export interface SetOption extends SetField {
  readonly answer: AnswerField["when"] | "added";
}

/** By `append_action`. */
const actions = ["added", "absent", "set", "present"] as const;

/**
 * A `HeaderValueOption`. As in Envoy's filters, `append` alone says how a request is changed: without it, the field replaces others.
 * In answers, `append_action` counts where there is no `append`.
 * @throws where the bytes are none, or have two values.
 */
export function readSetField(bytes: Uint8Array): SetOption {
  let field = { name: "", value: "" };
  let append: boolean | undefined;
  let action: SetOption["answer"] = "added";
  eachField(bytes, (number, reader) => {
    if (number === 1) field = headerValue(reader.bytes());
    // A BoolValue.
    else if (number === 2) append = int32In(reader.bytes()) !== 0;
    else if (number === 3) action = actions[reader.int32()] ?? "added";
    else return false;
    return true;
  });
  const answer = append === undefined ? action : append ? "added" : "set";
  return { ...field, appends: append === true, answer };
}

/** A `HeaderValue`. */
function headerValue(bytes: Uint8Array): { name: string; value: string } {
  let name = "";
  let value = "";
  eachField(bytes, (number, reader) => {
    if (number === 1) name = reader.string().toLowerCase();
    else if (number === 2 || number === 3) {
      const given = Buffer.from(reader.bytes()).toString("latin1");
      if (value !== "" && given !== "") throw new Error(`field ${name} has both value and raw_value`);
      value += given;
    } else return false;
    return true;
  });
  return { name, value };
}
