import { errorAt, warningAt } from "../../../../lib/findings.ts";
import type { Sticky } from "../../../../model/http/route.ts";
import type { Node } from "../../node.ts";
import type { Mapping } from "../context.ts";
import type { ApplyFilter } from "./registry.ts";

/** `StatefulSession`: a cookie, or a field, keeps each client at the endpoint that it has. */
export const applyStatefulSession: ApplyFilter = ({ config, own }, parts, _, mapping) => {
  if (own?.flag("disabled") === true) return;
  const session = own?.node("stateful_session") ?? config;
  const state = session.node("session_state")?.extension("typed_config");
  const sticky = state && stickyOf(state, mapping);
  if (state !== undefined)
    parts.sticky = sticky && { ...sticky, ...(session.flag("strict") === true && { strict: true }) };
};

function stickyOf(state: NonNullable<ReturnType<Node["extension"]>>, mapping: Mapping): Sticky | undefined {
  const usual = { sameSite: "lax", maxAge: undefined } as const;
  if ("type" in state && state.kind === "CookieBasedSessionState") {
    const cookie = state.node("cookie");
    const path = cookie?.text("path") ?? "";
    if (path !== "" && path !== "/")
      mapping.report(warningAt(cookie!.at("path"), "the cookie is for every path of its host"));
    const name = cookie?.text("name") ?? "";
    if (name === "") mapping.report(errorAt((cookie ?? state).path, "expected the name of a cookie"));
    return { ...usual, cookie: name, maxAge: cookie?.number("ttl") || undefined };
  }
  const isWrapped = "type" in state && state.kind === "EnvelopeSessionState";
  if (isWrapped || ("type" in state && state.kind === "HeaderBasedSessionState")) {
    const field = (isWrapped ? state.node("header") : state)?.text("name").toLowerCase() ?? "";
    if (field === "") mapping.report(errorAt(state.path, "expected the name of a field"));
    return { ...usual, cookie: "", field, ...(isWrapped && { wraps: true }) };
  }
  mapping.report(
    errorAt(state.path, "expected CookieBasedSessionState, HeaderBasedSessionState or EnvelopeSessionState"),
  );
  return undefined;
}
