import type { Server } from "node:net";

/**
 * The number of a listening socket among the files of this process. Node documents `_handle` as what a server listens on
 * when it is given another one's.
 * @returns undefined when it does not listen.
 */
export function descriptorOf(server: Server): number | undefined {
  const { _handle: handle } = server as Server & { readonly _handle?: { readonly fd: number } | null };
  return handle?.fd;
}
