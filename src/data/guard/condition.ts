import type { TLSSocket } from "node:tls";
import { unmapAddress } from "../../lib/address.ts";
import { AddressSet } from "../../lib/address-set.ts";
import { regexes } from "../../lib/regex.ts";
import type { Condition } from "../../model/http/condition.ts";
import type { TextTest, ValueMatch } from "../../model/http/match.ts";
import { type CompiledTest, compileTest, compileValueTest } from "../../model/http/text-test.ts";
import { alternativeNames } from "../../tls/peer-certificate.ts";
import type { GuardedConnection, GuardedRequest } from "./step.ts";

/** @param target the path with its query: a lax backend may read another one than the request's. */
export type Holds = (request: GuardedRequest, target: string) => boolean;

/** @throws where it has a regular expression, and {@link loadRegexes} was not awaited. */
export function compileCondition(condition: Condition): Holds {
  switch (condition.kind) {
    case "any":
      return () => true;
    case "all": {
      const parts = condition.of.map(compileCondition);
      return (request, target) => parts.every((holds) => holds(request, target));
    }
    case "some": {
      const parts = condition.of.map(compileCondition);
      return (request, target) => parts.some((holds) => holds(request, target));
    }
    case "not": {
      const holds = compileCondition(condition.of);
      return (request, target) => !holds(request, target);
    }
    case "header":
      return valueHolds(condition.match, (request, name, target) =>
        name === ":path" ? target : request.header(name),
      );
    case "query":
      return valueHolds(condition.match, (request, name) => request.queryValue(name));
    case "path": {
      const holds = textTest(condition.test);
      return (_request, target) => holds(target.replace(/\?.*$/s, ""));
    }
    default:
      return compileConnection(condition);
  }
}

/** Conditions on the connection alone, and on the page that a request comes from. */
function compileConnection(
  condition: Extract<
    Condition,
    {
      kind:
        | "client"
        | "source"
        | "peer"
        | "local"
        | "local-port"
        | "server-name"
        | "certificate"
        | "same-origin";
    }
  >,
): Holds {
  switch (condition.kind) {
    case "client":
      return inRanges(condition.ranges, ({ client }) => client);
    case "source":
      return inRanges(condition.ranges, ({ connection }) => connection.clientAddress);
    case "peer":
      return inRanges(
        condition.ranges,
        ({ connection: { proxy, clientAddress } }) => proxy?.via || clientAddress,
      );
    case "local":
      return inRanges(condition.ranges, ({ connection }) => localOf(connection).address);
    case "local-port":
      return ({ connection }) => {
        const { port } = localOf(connection);
        return port >= condition.from && port <= condition.to;
      };
    case "server-name": {
      const holds = textTest(condition.test);
      return ({ connection }) => holds(connection.serverName);
    }
    case "certificate": {
      const holds = condition.test && textTest(condition.test);
      return ({ connection }) => {
        const names = namesOf(connection, condition.of);
        return names.length > 0 && (holds === undefined || names.some(holds));
      };
    }
    case "same-origin":
      return sameOrigin(condition.others.map(textTest));
  }
}

const textTest = (test: TextTest): CompiledTest => compileTest(test, (...args) => regexes().whole(...args));

function valueHolds(
  match: ValueMatch,
  read: (request: GuardedRequest, name: string, target: string) => string | undefined,
): Holds {
  const holds = compileValueTest(match, (...args) => regexes().whole(...args));
  return (request, target) => holds(read(request, match.name, target));
}

function inRanges(
  ranges: ConstructorParameters<typeof AddressSet>[0],
  addressOf: (request: GuardedRequest) => string,
): Holds {
  const set = new AddressSet(ranges);
  return (request) => {
    const address = addressOf(request);
    return address !== "" && set.has(address);
  };
}

/** The address that the client connected to: a PROXY header's, where one came. */
function localOf({ proxy, raw }: GuardedConnection): { readonly address: string; readonly port: number } {
  const destination = proxy?.header.destination;
  return {
    address: unmapAddress(destination?.address ?? raw.localAddress ?? ""),
    port: destination?.port ?? raw.localPort ?? 0,
  };
}

interface CertificateNames {
  readonly uri: readonly string[];
  readonly dns: readonly string[];
  readonly subject: readonly string[];
}

/** A connection has one certificate for all its requests, and reading it takes longer than all that a rule does else. */
const known = new WeakMap<GuardedConnection, CertificateNames>();
const nameless: CertificateNames = { uri: [], dns: [], subject: [] };

/**
 * The names of a client's certificate, none without one.
 * @param of undefined: its URIs, else its DNS names, else its subject.
 */
function namesOf(
  connection: GuardedConnection,
  of: "uri" | "dns" | "subject" | undefined,
): readonly string[] {
  let names = known.get(connection);
  if (names === undefined) {
    names = readNames(connection);
    known.set(connection, names);
  }
  if (of !== undefined) return names[of];
  return [names.uri, names.dns].find(({ length }) => length > 0) ?? names.subject;
}

function readNames({ tls, client }: GuardedConnection): CertificateNames {
  const leaf = tls === undefined ? undefined : (client as unknown as TLSSocket).getPeerX509Certificate();
  if (leaf === undefined) return nameless;
  return {
    uri: alternativeNames(leaf, "URI"),
    dns: alternativeNames(leaf, "DNS"),
    subject: [(leaf.subject ?? "").split("\n").reverse().join(",")],
  };
}

/** A request without Origin and Referer comes from no page that is known. */
function sameOrigin(others: readonly CompiledTest[]): Holds {
  return (request) => {
    const said = request.header("origin") ?? request.header("referer");
    const page = said === undefined ? null : URL.parse(said);
    return (
      page !== null &&
      (page.host === request.header(":authority")?.toLowerCase() || others.some((holds) => holds(page.host)))
    );
  };
}
