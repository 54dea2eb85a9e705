# docker build -t umay .
# docker run -p 9994:9994 -v "$PWD/umay.toml":/etc/umay/umay.toml:ro -v "$PWD/certs":/certs:ro umay
ARG NODE_IMAGE=node:26-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Without the workspace, which only brings a Node for development, and without scripts, which would build.
RUN npm ci --workspaces=false --ignore-scripts
COPY tsconfig.json ./
COPY tools/build.ts tools/
COPY src src
RUN npm run build

FROM ${NODE_IMAGE}
ARG VERSION=unreleased
ARG REVISION=unknown
LABEL org.opencontainers.image.title="umay" \
  org.opencontainers.image.description="A TLS-terminating load balancer that is driven by one TOML file." \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}"
# UMAY_ADMIN is for the health check, and for `docker exec … umay status`, whatever configuration it was started with.
ENV NODE_ENV=production UMAY_ADMIN=127.0.0.1:9901
COPY package.json LICENSE /app/
COPY bin /app/bin
COPY config /app/config
COPY --from=build /app/dist /app/dist
# A volume at /certs starts out owned by the user that umay runs as, so that `umay certs` can write there.
RUN ln -s /app/bin/umay.js /usr/local/bin/umay && install -d -o 1000 -g 1000 /certs /etc/umay
# umay looks for its configuration here, not in /app, which has the demo's.
WORKDIR /etc/umay
# Numeric, so that Kubernetes can tell that it is not root.
USER 1000:1000
EXPOSE 9994 9901
STOPSIGNAL SIGTERM
# Asks /readyz at UMAY_ADMIN; start with --no-healthcheck where there is no admin server.
HEALTHCHECK --interval=5s --timeout=5s --start-period=10s CMD ["umay", "health"]
ENTRYPOINT ["umay"]
