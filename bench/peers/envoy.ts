import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Mode, Peer, Place } from "./peer.ts";
import { type Located, named, type Program, pathOf } from "./program.ts";

export const envoyProgram: Program = {
  command: "envoy",
  versionArgs: ["--version"],
  version: /\/(\d+\.\d+\.\d+[^/]*)\//,
};

export function envoy(program: Located, mode: Mode): Peer {
  return {
    ...named("envoy", "Envoy", program),
    mode,
    version: () => program.found,
    missing: program.missing,
    prepare(place) {
      const file = join(place.folder, "envoy.json");
      writeFileSync(file, JSON.stringify(bootstrap(place, mode)));
      const quiet = ["--disable-hot-restart", "--log-level", "error"];
      return { file: pathOf(program), args: ["-c", file, "--concurrency", String(place.workers), ...quiet] };
    },
  };
}

function bootstrap(place: Place, mode: Mode): object {
  return {
    static_resources: {
      listeners: [
        {
          name: "bench",
          address: address(place.port),
          tcp_backlog_size: 4096,
          filter_chains: [
            {
              transport_socket: downstreamTls(place, mode),
              filters: [mode === "tcp" ? relay(place) : forwarding(place)],
            },
          ],
        },
      ],
      clusters: [
        {
          name: "bench",
          type: "STATIC",
          ...(mode === "http2" && { typed_extension_protocol_options: http2 }),
          connect_timeout: "5s",
          circuit_breakers: {
            thresholds: [
              {
                max_connections: place.maxSessions,
                max_pending_requests: place.maxSessions,
                max_requests: place.maxSessions,
              },
            ],
          },
          load_assignment: {
            cluster_name: "bench",
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(place.backendPort) } }] }],
          },
        },
      ],
    },
  };
}

const http2 = {
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
    "@type": typeUrl("upstreams.http.v3.HttpProtocolOptions"),
    explicit_http_config: { http2_protocol_options: {} },
  },
};

function address(port: number): object {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}

function downstreamTls(place: Place, mode: Mode): object {
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": typeUrl("transport_sockets.tls.v3.DownstreamTlsContext"),
      common_tls_context: {
        ...(mode !== "tcp" ? { alpn_protocols: ["h2", "http/1.1"] } : {}),
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

function accessLog(place: Place): readonly object[] {
  if (!place.sessionLog) return [];
  const file = {
    "@type": typeUrl("access_loggers.file.v3.FileAccessLog"),
    path: join(place.folder, "access.log"),
  };
  return [{ name: "envoy.access_loggers.file", typed_config: file }];
}

function forwarding(place: Place): object {
  const router = {
    name: "envoy.filters.http.router",
    typed_config: { "@type": typeUrl("filters.http.router.v3.Router") },
  };
  const host = { name: "bench", domains: ["*"], routes: [{ match: { prefix: "/" }, route: toBench }] };
  return {
    name: "envoy.filters.network.http_connection_manager",
    typed_config: {
      "@type": typeUrl("filters.network.http_connection_manager.v3.HttpConnectionManager"),
      stat_prefix: "bench",
      use_remote_address: true,
      route_config: { virtual_hosts: [host] },
      http_filters: [router],
      access_log: accessLog(place),
    },
  };
}

const toBench = { cluster: "bench", timeout: "0s" };

function relay(place: Place): object {
  return {
    name: "envoy.filters.network.tcp_proxy",
    typed_config: {
      "@type": typeUrl("filters.network.tcp_proxy.v3.TcpProxy"),
      stat_prefix: "bench",
      cluster: "bench",
      access_log: accessLog(place),
    },
  };
}

function typeUrl(name: string): string {
  return `type.googleapis.com/envoy.extensions.${name}`;
}
