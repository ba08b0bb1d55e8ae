# Two images, from the same built package and with the same user:
#   docker build -t sentinel .                         no shell, no npm: HTTP backends only
#   docker build -t sentinel:tools --target tools .    with npm and npx, for stdio backends
ARG NODE_VERSION=24.21.0

FROM node:${NODE_VERSION}-trixie-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
COPY migrations ./migrations
RUN npm run build
# The tree a user of the published package gets: built code, the runtime closure of the lockfile, nothing else.
RUN npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:${NODE_VERSION}-trixie-slim AS layout
ARG UID=1000
ARG GID=1000
COPY --from=build /src/dist /layout/opt/sentinel/dist
COPY --from=build /src/node_modules /layout/opt/sentinel/node_modules
COPY package.json LICENSE /layout/opt/sentinel/
COPY docs/errors /layout/opt/sentinel/docs/errors
COPY packaging/docker/sentinel.toml /layout/etc/sentinel/sentinel.toml
RUN mkdir -p /layout/var/lib/sentinel /layout/run/sentinel \
  && chown -R "${UID}:${GID}" /layout/var/lib/sentinel /layout/run/sentinel \
  && chmod 0700 /layout/var/lib/sentinel /layout/run/sentinel

FROM node:${NODE_VERSION}-trixie-slim AS tools
ARG UID=1000
ARG GID=1000
RUN apt-get update && apt-get install -y --no-install-recommends tini ca-certificates git && rm -rf /var/lib/apt/lists/*
COPY --from=layout /layout/ /
ENV NODE_ENV=production HOME=/var/lib/sentinel NODE_OPTIONS="--disable-sigusr1 --disable-proto=throw"
USER ${UID}:${GID}
WORKDIR /var/lib/sentinel
EXPOSE 9200
STOPSIGNAL SIGTERM
# Backends may leave grandchildren behind: as process 1, tini reaps them.
ENTRYPOINT ["/usr/bin/tini", "--", "/usr/local/bin/node", "/opt/sentinel/dist/src/cli/main.js"]
CMD ["serve", "--config", "/etc/sentinel/sentinel.toml"]
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["/usr/local/bin/node", "-e", "fetch('http://127.0.0.1:9201/livez').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]

FROM gcr.io/distroless/nodejs24-debian13 AS gateway
ARG UID=1000
ARG GID=1000
COPY --from=layout /layout/ /
ENV NODE_ENV=production HOME=/var/lib/sentinel NODE_OPTIONS="--disable-sigusr1 --disable-proto=throw"
USER ${UID}:${GID}
WORKDIR /var/lib/sentinel
EXPOSE 9200
STOPSIGNAL SIGTERM
ENTRYPOINT ["/nodejs/bin/node", "/opt/sentinel/dist/src/cli/main.js"]
CMD ["serve", "--config", "/etc/sentinel/sentinel.toml"]
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["/nodejs/bin/node", "-e", "fetch('http://127.0.0.1:9201/livez').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
