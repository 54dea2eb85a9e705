import assert from "node:assert/strict";
import { test } from "node:test";
import { indexTable, Routing } from "../../../src/data/decide/http/routing.ts";
import { explainHttp } from "../../../src/data/explain/http.ts";
import { loadFile, typed } from "../../support/envoy.ts";

test("the client is the one that the listener's field names, as early changes leave it; without it the request is refused", async () => {
  const { model } = await loadFile({
    manager: {
      early_header_mutation_extensions: [
        {
          name: "alias",
          typed_config: typed(
            "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
            {
              mutations: [{ append: { header: { key: "x-real", value: "%REQ(x-alias)%" } } }],
            },
          ),
        },
      ],
      original_ip_detection_extensions: [
        {
          name: "field",
          typed_config: typed(
            "envoy.extensions.http.original_ip_detection.custom_header.v3.CustomHeaderConfig",
            {
              header_name: "x-real",
              reject_with_status: { code: "Unauthorized" },
            },
          ),
        },
      ],
    },
  });
  const { serve } = model.listeners[0]!.chains[0]!;
  assert.ok(serve.kind === "http");
  const routing = new Routing(serve, await indexTable(model.routeTables[0]!));
  const asked = (...headers: readonly (readonly [string, string])[]) =>
    explainHttp(routing, serve.front, {
      question: {
        method: "GET",
        scheme: "http",
        authority: "x.test",
        host: "x.test",
        path: "/",
        secondPath: undefined,
        query: "",
        headers,
      },
      peer: "192.0.2.1",
      isMisdirected: false,
    });
  const { http, refusal } = asked(["x-alias", "5.5.5.5"]);
  assert.deepEqual([http.request.client, http.answer, refusal], ["5.5.5.5", null, null]);
  assert.equal(http.request.client_by, "x-real, from 192.0.2.1");
  const unnamed = asked();
  assert.deepEqual(unnamed.http.answer, { status: 401, reason: "client_unnamed", location: null });
  assert.equal(unnamed.http.request.client_by, "the peer, for want of x-real");
  assert.equal(unnamed.refusal, "client_unnamed");
});
