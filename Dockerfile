# syntax=docker/dockerfile:1

# What is built runs on any platform, so both build stages stay on the builder's.
FROM --platform=$BUILDPLATFORM node:24-alpine AS playground
WORKDIR /src/internal/playground/web
COPY internal/playground/web/package.json internal/playground/web/package-lock.json internal/playground/web/.npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci
COPY internal/playground/web ./
RUN mkdir ../dist && node build.mjs

FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
COPY --from=playground /src/internal/playground/dist internal/playground/dist
ARG TARGETOS
ARG TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod \
    --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags '-s -w' -pgo internal/bench/gateway.pgo -o /zoomql .

# CA certificates, time zones, a user without rights, and no shell.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /zoomql /zoomql
ENV ADDR=0.0.0.0:8080
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["/zoomql", "health"]
ENTRYPOINT ["/zoomql"]
