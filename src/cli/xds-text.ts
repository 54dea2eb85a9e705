import type { ControlPlaneStatus } from "../control/tell/status/control-planes.ts";
import { table } from "./table.ts";
import { duration } from "./words.ts";

/** The control planes of a umay with their resources, as a table; empty where there is none. */
export function controlPlaneTable(places: readonly ControlPlaneStatus[], now: number = Date.now()): string {
  const rows = places.flatMap(({ place, server, connected, resources }) =>
    Object.entries(resources)
      .filter(([, { present, missing, last_update }]) => present + missing > 0 || last_update !== null)
      .map(([type, { present, missing, accepted_total, rejected_total, last_update, refused }]) => [
        server ?? place,
        connected === null ? "" : connected ? "connected" : "away",
        type,
        String(present),
        String(missing),
        String(accepted_total),
        String(rejected_total),
        last_update === null ? "none yet" : `${duration((now - Date.parse(last_update)) / 1000)} ago`,
        Object.entries(refused)
          .map(([name, reason]) => `${name}: ${reason}`)
          .slice(0, 1)
          .join(""),
      ]),
  );
  const away = places.filter(({ connected, resources }) => connected === false && isEmpty(resources));
  if (rows.length === 0)
    return away.map(({ place }) => `control plane (${place}): away, nothing has come yet`).join("\n");
  const titles = [
    "CONTROL PLANE",
    "STATE",
    "TYPE",
    "#PRESENT",
    "#MISSING",
    "#ACCEPTED",
    "#REJECTED",
    "LAST",
    "REFUSED",
  ];
  return table(titles, rows);
}

const isEmpty = (resources: ControlPlaneStatus["resources"]): boolean =>
  Object.values(resources).every(({ present, last_update }) => present === 0 && last_update === null);
