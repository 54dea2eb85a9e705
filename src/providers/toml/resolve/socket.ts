import { accountNumber } from "../../../lib/accounts.ts";
import type { SocketAddress } from "../../../lib/address.ts";
import { errorAt, type Finding, type Path } from "../../../lib/findings.ts";
import { isAbstract, type SocketRights } from "../../../lib/socket-file.ts";
import type { SocketSettings } from "../schema/listener.ts";

/** @param path of the table. */
export async function resolveSocket(
  { mode, user, group }: SocketSettings,
  bind: SocketAddress,
  path: Path,
  report: (finding: Finding) => void,
): Promise<SocketRights> {
  if (bind.kind === "tcp" || isAbstract(bind.path))
    report(errorAt(path, "needs a bind that is a unix socket with a file; remove this table"));
  const numberOf = async (kind: "user" | "group", name: string | number | undefined) => {
    if (typeof name !== "string") return name;
    const number = await accountNumber(kind, name);
    if (number === undefined)
      report(
        errorAt([...path, kind], `this system has no ${kind} ${JSON.stringify(name)}; write its number`),
      );
    return number;
  };
  return { mode, user: await numberOf("user", user), group: await numberOf("group", group) };
}
