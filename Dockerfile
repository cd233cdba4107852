# The image of the DaemonSet: crisp, crisp-sandbox and crisp-node-agent, without a shell. The agent copies the programs to its node;
# none of them but the agent itself runs in a container of this image.
#
#   docker build -t registry.example.org/crisp:0.1.0 .
#   buildah build --timestamp 0 -t registry.example.org/crisp:0.1.0 .
#
# SDK_IMAGE: the .NET SDK 10 on a Debian or Ubuntu. What is built there runs on hosts whose glibc is at least MAX_GLIBC, or the build fails.
# BASE_IMAGE: glibc and OpenSSL 3, nothing more.
ARG SDK_IMAGE=mcr.microsoft.com/dotnet/sdk:10.0-noble
ARG BASE_IMAGE=mcr.microsoft.com/dotnet/runtime-deps:10.0-noble-chiseled

FROM ${SDK_IMAGE} AS build
ARG MAX_GLIBC=2.34
RUN if ! command -v cc > /dev/null || [ ! -e /usr/include/zlib.h ]; then \
      apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev zlib1g-dev binutils; \
    fi
WORKDIR /src
COPY . .
# CI=true: the lock files decide on every package. ContinuousIntegrationBuild: no path of this stage is in the programs.
ENV CI=true DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
RUN for project in Sandbox CriServer NodeAgent; do \
      dotnet publish "src/$project" -c Release -r linux-x64 -v quiet -p:ContinuousIntegrationBuild=true -o /out || exit 1; \
    done && \
    mkdir /image && cp /out/crisp /out/crisp-sandbox /out/crisp-node-agent /image/
RUN newest=$(objdump -T /image/crisp /image/crisp-node-agent | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -n 1); \
    printf '%s\nGLIBC_%s\n' "$newest" "$MAX_GLIBC" | sort -VC || { echo "The programs need $newest; build on an older distribution." >&2; exit 1; }

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="crisp" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build --chown=0:0 /image/ /opt/crisp/
# The chart makes the agent root, which it must be to write the host's files. Whatever else is started is nobody.
USER 65532:65532
ENTRYPOINT ["/opt/crisp/crisp-node-agent"]
