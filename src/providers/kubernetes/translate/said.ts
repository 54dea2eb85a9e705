import type { AnyRoute } from "./attach.ts";
import type { KubeEvent, Status, Statuses, StatusKind } from "./translation.ts";

/** The statuses and events that are to be told. */
export class Said {
  readonly statuses = new Map<string, Status>();
  readonly events: KubeEvent[] = [];
  readonly controllerName: string;

  constructor(controllerName: string) {
    this.controllerName = controllerName;
  }

  readonly tell = (event: KubeEvent): void => void this.events.push(event);

  put<Kind extends StatusKind>(kind: Kind, { metadata }: AnyObject, status: Statuses[Kind]): void {
    const { namespace, name } = metadata;
    this.statuses.set([kind, namespace, name].filter((part) => part !== undefined).join("/"), {
      kind,
      status,
    } as Status);
  }
}

type AnyObject = Pick<AnyRoute, "metadata">;

/** The event of an object that could not be translated: it is lost for itself. @param why of umay's own. */
export const notServed = (kind: string, { metadata }: AnyObject, why: string): KubeEvent => ({
  about: {
    kind,
    name: metadata.name,
    ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
  },
  type: "Warning",
  reason: "NotServed",
  message: why,
});
