import { eachField, int32In } from "../../../../lib/wire.ts";

/** A field that a server wants set, in lower case. `appends`: beside others of its name. */
export interface SetField {
  readonly name: string;
  /** A character per byte. */
  readonly value: string;
  readonly appends: boolean;
}

/**
 * A `HeaderValueOption`. As in Envoy's filters, `append` alone says how: without it, the field replaces others.
 * @throws where the bytes are none, or have two values.
 */
export function readSetField(bytes: Uint8Array): SetField {
  let field = { name: "", value: "" };
  let appends = false;
  eachField(bytes, (number, reader) => {
    if (number === 1) field = headerValue(reader.bytes());
    // A BoolValue.
    else if (number === 2) appends = int32In(reader.bytes()) !== 0;
    else return false;
    return true;
  });
  return { ...field, appends };
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
