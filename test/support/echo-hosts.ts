import { type EchoServer, startEcho } from "../../src/cli/echo-server.ts";

export interface EchoHosts extends AsyncDisposable {
  readonly port: number;
  readonly servers: readonly EchoServer[];
}

/** Echo servers on one port of 127.0.0.1, 127.0.0.2, … that answer with their host's last number. */
export async function startEchoHosts(count: number): Promise<EchoHosts> {
  const servers = [await startEcho({ bind: "127.0.0.1:0", name: "1" })];
  const { address } = servers[0]!;
  const port = address.kind === "tcp" ? address.port : 0;
  for (let host = 2; host <= count; host++)
    servers.push(await startEcho({ bind: `127.0.0.${host}:${port}`, name: String(host) }));
  return {
    port,
    servers,
    [Symbol.asyncDispose]: async () => void (await Promise.all(servers.map((server) => server.close()))),
  };
}
