import { readFile } from "node:fs/promises";

/** Reads the number of a user (passwd(5)) or a group (group(5)) by its name. @returns undefined where there is none. */
export async function accountNumber(kind: "user" | "group", name: string): Promise<number | undefined> {
  const text = await readFile(kind === "user" ? "/etc/passwd" : "/etc/group", "utf8").catch(() => "");
  const line = text.split("\n").find((each) => each.startsWith(`${name}:`));
  const number = Number(line?.split(":")[2] || Number.NaN);
  return Number.isInteger(number) ? number : undefined;
}
