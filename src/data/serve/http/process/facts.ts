import type { ResponseHead } from "../../../../http/message.ts";
import type { ProcessingFact } from "../../../../model/http/processing.ts";
import type { RequestView } from "../view.ts";
import { type FactValue, linesOf } from "./questions.ts";

/** The values of facts about a request; those that there are not are left out. @param answer undefined: it has not come. */
export function factsOf(
  names: readonly ProcessingFact[],
  view: RequestView,
  answer: ResponseHead | undefined,
): ReadonlyMap<string, FactValue> {
  const facts = new Map<string, FactValue>();
  for (const name of names) {
    const value = factOf(name, view, answer);
    if (value !== undefined && value !== "") facts.set(name, value);
  }
  return facts;
}

function factOf(
  name: ProcessingFact,
  view: RequestView,
  answer: ResponseHead | undefined,
): FactValue | undefined {
  const { raw, tls } = view.connection;
  switch (name) {
    case "request.path":
      return view.path + view.query;
    case "request.url_path":
      return view.path;
    case "request.query":
      return view.query.slice(1);
    case "request.host":
      return view.authority;
    case "request.scheme":
      return view.scheme;
    case "request.method":
      return view.method;
    case "request.headers":
      return new Map(linesOf(view.fields, undefined));
    case "request.referer":
      return view.header("referer");
    case "request.useragent":
      return view.header("user-agent");
    case "request.time":
      return view.variable("time");
    case "request.id":
      return view.requestId;
    case "request.protocol":
      return view.protocol;
    case "response.code":
      return answer?.status;
    case "response.headers":
      return answer && new Map(linesOf(answer.fields, undefined));
    case "source.address":
      return view.client;
    case "source.port":
      return Number(view.variable("client.port")) || undefined;
    case "destination.address":
      return view.variable("listener.address");
    case "destination.port":
      return raw.localPort;
    case "connection.requested_server_name":
      return view.connection.serverName;
    case "connection.tls_version":
      return tls === undefined ? undefined : view.variable("tls.version");
    case "connection.mtls":
      return view.variable("tls.client.fingerprint") !== "";
    case "connection.subject_peer_certificate":
      return view.variable("tls.client.subject");
    case "connection.uri_san_peer_certificate":
      return view.variable("tls.client.spiffe");
    case "upstream.address":
      return view.backend;
    case "xds.cluster_name":
      return view.pool;
    case "xds.route_name":
      return view.route;
  }
}
