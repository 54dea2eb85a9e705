import type { TextTest } from "../../../../model/http/match.ts";
import type { Node } from "../../node.ts";
import type { Mapping } from "../context.ts";
import { mapString } from "../match.ts";

/**
 * A `ListStringMatcher` of names of fields, which are compared in lower case.
 * @returns undefined where one of them could not be mapped; empty where there are none.
 */
export async function testsOf(
  list: Node | undefined,
  mapping: Mapping,
): Promise<readonly TextTest[] | undefined> {
  const tests = await Promise.all((list?.nodes("patterns") ?? []).map((each) => mapString(each, mapping)));
  return tests.every((test) => test !== undefined) ? (tests as readonly TextTest[]) : undefined;
}
