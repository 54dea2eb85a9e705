import { errorAt, warningAt } from "../../../../lib/findings.ts";
import type { Sticky } from "../../../../model/http/route.ts";
import type { Node } from "../../node.ts";
import type { Mapping } from "../context.ts";
import type { ApplyFilter } from "./registry.ts";

/** `StatefulSession`: a cookie, or a field, keeps each client at the endpoint that it has. */
export const applyStatefulSession: ApplyFilter = ({ config, own }, parts, _, mapping) => {
  if (own?.flag("disabled") === true) return;
  const session = own?.node("stateful_session") ?? config;
  if (session.flag("strict") === true)
    mapping.report(errorAt(session.at("strict"), "umay sends a client elsewhere where its endpoint is gone"));
  const state = session.node("session_state")?.extension("typed_config");
  if (state !== undefined) parts.sticky = stickyOf(state, mapping);
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
  if ("type" in state && state.kind === "HeaderBasedSessionState") {
    const field = state.text("name").toLowerCase();
    if (field === "") mapping.report(errorAt(state.path, "expected the name of a field"));
    return { ...usual, cookie: "", field };
  }
  mapping.report(errorAt(state.path, "expected CookieBasedSessionState or HeaderBasedSessionState"));
  return undefined;
}
