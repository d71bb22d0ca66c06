# The API server as a container: `docker build -t fastify-entra-api .`, then run it with ENTRA_TENANT_ID and the others.

FROM node:24-bookworm-slim AS manifests
WORKDIR /app
# npm reads the workspace's manifest too. Nothing else comes before `npm ci`, so that a change of source reuses it.
COPY package.json package-lock.json ./
COPY src/server/package.json src/server/

FROM manifests AS production
# The link to the workspace would lead nowhere in the image, and the server does not use it.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund && rm node_modules/fastify-entra-server

FROM manifests AS build
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build

FROM node:24-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000
WORKDIR /app
# Owned by root: the process may read its code, and not change it.
COPY --from=production /app/node_modules node_modules
# Says that dist/ holds ES modules.
COPY package.json ./
COPY --from=build /app/dist dist
# The user `node`, by number: Kubernetes' `runAsNonRoot` cannot tell what a name stands for.
USER 1000
EXPOSE 3000
# Liveness only: an API whose tenant cannot be reached is not helped by a restart. A refused connection exits 1 as well.
HEALTHCHECK --interval=30s --timeout=3s --start-period=10s \
  CMD ["node", "-e", \
    "fetch(`http://127.0.0.1:${process.env.PORT || 3000}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1))"]
# Node.js is the first process, and SIGTERM reaches it: the base image's entry point, a shell script, is not needed.
ENTRYPOINT []
CMD ["node", "dist/server/main.js"]
