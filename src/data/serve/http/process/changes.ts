import { fieldText, isEditable } from "../../../../http/edits.ts";
import type { Fields } from "../../../../http/message.ts";
import { readFields } from "../../../../http/scan.ts";
import { regexes } from "../../../../lib/regex.ts";
import type { ChangeRules } from "../../../../model/http/processing.ts";
import { compileTest } from "../../../../model/http/text-test.ts";
import type { HeadMutation } from "./answers.ts";

/** The result of a mutation of a head, or of trailers. */
export interface Changed {
  readonly fields: Fields;
  /** Names with a colon that are set, and `host` as `:authority`. */
  readonly pseudo: ReadonlyMap<string, string>;
}

/** The most that a head may have behind a change. */
export interface ChangeLimits {
  readonly fields: number;
  /** In bytes. */
  readonly size: number;
}

const routing: ReadonlySet<string> = new Set(["host", ":authority", ":method", ":scheme"]);

/** Fields about the framing of a message, which whoever sends it writes; a processor that changes bodies may set one. */
const framing: ReadonlySet<string> = new Set(["content-length", "transfer-encoding"]);

/** Changes heads as a processor says, as far as the rules let it. */
export class HeadChanger {
  readonly #mayChange: (name: string) => boolean;
  readonly #isStrict: boolean;

  /** @throws where a rule has a regular expression, and `loadRegexes` was not awaited. */
  constructor({ routing: changesRouting, internal, system, others, allow, deny, strict }: ChangeRules) {
    const whole = (pattern: string, ignoreCase: boolean): ((text: string) => boolean) =>
      regexes().whole(pattern, ignoreCase);
    const allows = allow && compileTest(allow, whole);
    const denies = deny && compileTest(deny, whole);
    this.#isStrict = strict;
    this.#mayChange = (name) => {
      if (denies?.(name)) return false;
      if (allows?.(name)) return true;
      if (!others || (!changesRouting && routing.has(name))) return false;
      return (system || !name.startsWith(":")) && (internal || !name.startsWith("x-envoy"));
    };
  }

  /** @returns a text: what is wrong with the mutation. */
  change(fields: Fields, { set, remove }: HeadMutation, limits: ChangeLimits): Changed | string {
    if (set.length > limits.fields || remove.length > limits.fields)
      return `more than ${limits.fields} fields are changed`;
    let lines: (readonly [name: string, value: string])[] = [];
    for (let index = 0; index < fields.count; index++)
      lines.push([fields.name(index).toLowerCase(), fields.value(index)]);
    const pseudo = new Map<string, string>();
    for (const name of remove) {
      const refused = this.#refusal(name, "");
      if (refused !== undefined) return refused;
      // Names with a colon stay, and the host too.
      if (!name.startsWith(":") && name !== "host" && this.#mayChange(name))
        lines = lines.filter(([other]) => other !== name);
    }
    for (const { name, value, appends } of set) {
      const refused = this.#refusal(name, value);
      if (refused !== undefined) return refused;
      if (!this.#mayChange(name) || framing.has(name)) continue;
      if (name.startsWith(":") || name === "host") pseudo.set(name === "host" ? ":authority" : name, value);
      else if (isEditable(name)) {
        if (!appends) lines = lines.filter(([other]) => other !== name);
        lines.push([name, value]);
      }
    }
    const text = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    if (lines.length > limits.fields || text.length > limits.size) return "the head becomes too large";
    return { fields: readFields(text), pseudo };
  }

  /** @returns what is wrong with a change; undefined: nothing is, or it is left out. */
  #refusal(name: string, value: string): string | undefined {
    const isName = /^:?[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name);
    if (!isName) return "a name of a field has characters that it may not have";
    if (fieldText(value) !== value) return `the value for field ${name} has characters that it may not have`;
    if (this.#isStrict && !this.#mayChange(name)) return `field ${name} may not be changed`;
    return undefined;
  }
}
