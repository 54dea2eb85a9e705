import type { HashedBy } from "../../model/pool.ts";
import type { PickKey } from "./picker.ts";

/** The text that is hashed. Without a server name it is the client's address; an empty address is a key like any other. */
export function hashedKey(by: HashedBy, { clientAddress, serverName, key }: PickKey): string {
  if (key !== undefined) return key;
  return by === "sni" && serverName !== "" ? serverName : clientAddress;
}
