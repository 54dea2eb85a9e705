import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Peer, Place } from "./peer.ts";
import { type Located, named, type Program, pathOf } from "./program.ts";

export const envoyProgram: Program = {
  command: "envoy",
  versionArgs: ["--version"],
  version: /\/(\d+\.\d+\.\d+[^/]*)\//,
};

export function envoy(program: Located): Peer {
  return {
    ...named("envoy", "Envoy", program),
    version: () => program.found,
    missing: program.missing,
    prepare(place) {
      const file = join(place.folder, "envoy.json");
      writeFileSync(file, JSON.stringify(bootstrap(place)));
      const quiet = ["--disable-hot-restart", "--log-level", "error"];
      return { file: pathOf(program), args: ["-c", file, "--concurrency", String(place.workers), ...quiet] };
    },
  };
}

function bootstrap(place: Place): object {
  return {
    static_resources: {
      listeners: [
        {
          name: "bench",
          address: address(place.port),
          tcp_backlog_size: 4096,
          filter_chains: [{ transport_socket: downstreamTls(place), filters: [relay(place)] }],
        },
      ],
      clusters: [
        {
          name: "bench",
          type: "STATIC",
          connect_timeout: "5s",
          circuit_breakers: { thresholds: [{ max_connections: place.maxSessions }] },
          load_assignment: {
            cluster_name: "bench",
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(place.backendPort) } }] }],
          },
        },
      ],
    },
  };
}

function address(port: number): object {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}

function downstreamTls(place: Place): object {
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": typeUrl("transport_sockets.tls.v3.DownstreamTlsContext"),
      common_tls_context: {
        tls_params: { tls_minimum_protocol_version: "TLSv1_3", tls_maximum_protocol_version: "TLSv1_3" },
        tls_certificates: [
          {
            certificate_chain: { filename: place.certificate.cert },
            private_key: { filename: place.certificate.key },
          },
        ],
      },
    },
  };
}

function relay(place: Place): object {
  const log = {
    name: "envoy.access_loggers.file",
    typed_config: {
      "@type": typeUrl("access_loggers.file.v3.FileAccessLog"),
      path: join(place.folder, "access.log"),
    },
  };
  return {
    name: "envoy.filters.network.tcp_proxy",
    typed_config: {
      "@type": typeUrl("filters.network.tcp_proxy.v3.TcpProxy"),
      stat_prefix: "bench",
      cluster: "bench",
      access_log: place.sessionLog ? [log] : [],
    },
  };
}

function typeUrl(name: string): string {
  return `type.googleapis.com/envoy.extensions.${name}`;
}
