# The image of contactrelay: one static program that runs as nobody in particular, and the certificates of the web.
#
#   docker build --platform linux/amd64 -t IMAGE \
#     --build-arg VERSION=$(git describe --tags --always) --build-arg COMMIT=$(git rev-parse --short=12 HEAD) .
#
# The same commit and the same Go make the same program, wherever it is built. Of the container's limits Go finds out the
# CPUs; how much memory there is it must be told, by GOMEMLIMIT: 9 tenths of it. terraform/ does.
ARG GO_VERSION=1.26.8

FROM --platform=$BUILDPLATFORM golang:${GO_VERSION} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=devel
ARG COMMIT=unknown
ARG TARGETOS=linux
ARG TARGETARCH=amd64
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false -ldflags "-s -w -X main.stamped=${VERSION}+${COMMIT}" -o /out/contactrelay ./cmd/contactrelay

FROM gcr.io/distroless/static-debian12:nonroot
ARG VERSION=devel
ARG COMMIT=unknown
LABEL org.opencontainers.image.title="contactrelay" \
      org.opencontainers.image.source="https://github.com/contactrelay/contactrelay" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}"
COPY --from=build /out/contactrelay /contactrelay
USER nonroot:nonroot
EXPOSE 8080
ENTRYPOINT ["/contactrelay"]
CMD ["run"]
