import { createInterface } from "node:readline";
import { AdsServer, edsCluster, endpoints, httpListener, routesTo } from "./ads-server.ts";

/*
 * A control plane of a hundred clusters that a test kills. Its arguments: its own port, or 0; the port of a listener; the ports of
 * the backends. It prints its port. At a line `updates N` it changes the endpoints of a cluster N times a second, and at `stop` it
 * stops and prints how often it did.
 */
const [port = 0, web = 0, ...backends] = process.argv.slice(2).map(Number);
const clusters = Array.from({ length: 100 }, (_, index) => `c${index}`);
const types = {
  cluster: "envoy.config.cluster.v3.Cluster",
  endpoints: "envoy.config.endpoint.v3.ClusterLoadAssignment",
  listener: "envoy.config.listener.v3.Listener",
  routes: "envoy.config.route.v3.RouteConfiguration",
} as const;

const control = await AdsServer.start("delta", port);
console.log(control.port);
await control.request(({ type }) => type === "Cluster");
control.send(
  types.cluster,
  clusters.map((name) => edsCluster(name)),
);
control.send(types.listener, [httpListener("web", web, "r")]);
await control.request(({ type }) => type === "ClusterLoadAssignment");
control.send(
  types.endpoints,
  clusters.map((name) => endpoints(name, ...backends)),
);
await control.request(({ type }) => type === "RouteConfiguration");
control.send(types.routes, [routesTo("r", "c0")]);

let sent = 0;
let timer: NodeJS.Timeout | undefined;
createInterface({ input: process.stdin }).on("line", (line) => {
  clearInterval(timer);
  const [word, rate] = line.split(" ");
  if (word === "stop") return console.log(sent);
  const began = performance.now();
  // A timer that is late makes up for it.
  timer = setInterval(() => {
    for (const due = ((performance.now() - began) * Number(rate)) / 1000; sent < due; sent++) {
      const name = clusters[sent % clusters.length]!;
      // Every other time one backend is missing, another one each time.
      const left = backends.filter((_, index) => sent % 2 === 0 || index !== sent % backends.length);
      control.send(types.endpoints, [endpoints(name, ...left)]);
    }
  }, 5);
});
