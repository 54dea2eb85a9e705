import type { Look } from "../../providers/kubernetes/look.ts";
import type { Condition } from "../../providers/kubernetes/meta.ts";
import type { Status } from "../../providers/kubernetes/translate/translation.ts";
import type { Target } from "./target.ts";

/** Of a Gateway, routes may have hundreds. */
const mostTold = 20;
/** Where umay's own addresses are not known, as from elsewhere, they are not missed. */
const ofAddresses = "AddressNotAssigned";
/** Conditions that are good when they are true; others are when they are false. */
const good: ReadonlySet<string> = new Set(["Accepted", "Programmed", "ResolvedRefs"]);

/** Everything that is wrong with an object and with the routes that name it, as its statuses and events will say. */
export function troublesOf({ kind, key }: Target, { translation, gaps }: Look): readonly string[] {
  const [namespace, name] = key.split("/");
  const conditions = [...translation.statuses].flatMap(([id, status]) =>
    conditionsOf(id, status, { kind, key })
      .filter(({ condition: { type, status: is } }) => (is === "True") !== good.has(type))
      .filter(({ condition: { reason } }) => reason !== ofAddresses)
      .map(({ of, condition }) => textOf(`${id.replace("/", " ")}${of}`, condition)),
  );
  const events = translation.events
    .filter(({ about }) => about.kind === kind && about.namespace === namespace && about.name === name)
    .map(({ reason, message }) => `${kind} ${key}: ${reason}: ${message}`);
  const all = [...new Set([...gaps, ...conditions, ...events])];
  const more = all.length - mostTold;
  return more > 0 ? [...all.slice(0, mostTold), `and ${more} more: see the statuses of the objects`] : all;
}

interface Told {
  /** The part of the object, such as ` listener https`. */
  readonly of: string;
  readonly condition: Condition;
}

/** The conditions of the object itself and of its listeners, or of a route where it names the object. */
function conditionsOf(id: string, { kind, status }: Status, target: Target): readonly Told[] {
  const plain = (conditions: readonly Condition[], of = ""): readonly Told[] =>
    conditions.map((condition) => ({ of, condition }));
  if (target.kind === "Ingress") return [];
  if (kind === "Gateway" && id === `Gateway/${target.key}`)
    return [
      ...plain(status.conditions),
      ...status.listeners.flatMap(({ name, conditions }) => plain(conditions, ` listener ${name}`)),
    ];
  if (!("parents" in status)) return [];
  const [, own] = id.split("/");
  return status.parents
    .filter(
      ({ parentRef: { kind: of = "Gateway", namespace = own, name } }) =>
        [of, `${namespace}/${name}`].join() === ["Gateway", target.key].join(),
    )
    .flatMap(({ conditions }) => plain(conditions));
}

const textOf = (what: string, { type, status, reason, message }: Condition): string =>
  `${what}: ${type} is ${status} (${reason}): ${message}`;
